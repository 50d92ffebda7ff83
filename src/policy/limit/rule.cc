#include "policy/limit/rule.h"

#include <algorithm>

#include "base/check.h"

namespace sluice::policy {
namespace {

using Wide = unsigned __int128;

uint64_t nanoseconds(Duration duration) { return static_cast<uint64_t>(duration.count()); }
Duration duration(uint64_t nanoseconds) { return Duration(static_cast<int64_t>(nanoseconds)); }
uint64_t divide_up(Wide a, uint64_t b) { return static_cast<uint64_t>((a + b - 1) / b); }

// ---- GCRA. Source: ITU-T I.371, as virtual scheduling: one number says all.

// `ahead`: how far the TAT is before now.
Standing gcra_standing(const LimitRule& rule, uint64_t ahead, uint64_t cost, bool allowed) {
  uint64_t emission = nanoseconds(rule.emission), window = nanoseconds(rule.window);
  Standing out{.allowed = allowed};
  out.remaining = ahead >= window ? 0 : (window - ahead) / emission;
  out.whole = duration(ahead);
  // The next whole one is there when `ahead` has fallen to a multiple of the emission below the window.
  if (ahead > 0) out.more = duration(ahead - (window - std::min((out.remaining + 1) * emission, window)));
  uint64_t needed = cost * emission;
  if (ahead + needed > window) out.retry = duration(ahead + needed - window);
  return out;
}

Charged charge_gcra(const LimitRule& rule, uint64_t tat, uint64_t now, uint64_t cost, Charge how) {
  uint64_t window = nanoseconds(rule.window), needed = cost * nanoseconds(rule.emission);
  uint64_t ahead = tat > now ? tat - now : 0;
  bool room = ahead + needed <= window;
  if (how == Charge::look || (!room && how == Charge::take)) {
    return {tat, gcra_standing(rule, ahead, cost, room)};
  }
  // What is counted by force makes a debt of one more burst at most, so that it is paid within the time that the
  // limit speaks of.
  ahead = std::min(ahead + needed, 2 * window);
  return {now + ahead, gcra_standing(rule, ahead, cost, true)};
}

// ---- Sliding window, of two counters: the last window counts by the share of it that is still within sight.

struct Windows {
  static constexpr unsigned kCountBits = 22;
  static constexpr uint64_t kNumberMask = (1U << 20) - 1;   // wraps after 12 days of windows of a second

  uint64_t number = 0, before = 0, current = 0;

  static Windows read(uint64_t word, uint64_t number_now) {
    Windows out{number_now & kNumberMask, 0, 0};
    uint64_t number = word >> (2 * kCountBits);
    uint64_t current = word & kSlidingCountMask, before = (word >> kCountBits) & kSlidingCountMask;
    if (number == out.number) {
      out.current = current;
      out.before = before;
    } else if (((number + 1) & kNumberMask) == out.number) {
      out.before = current;
    }
    return out;
  }
  uint64_t word() const {
    return (number << (2 * kCountBits)) | (before << kCountBits) | std::min(current, kSlidingCountMask);
  }
};

// When, counted from the start of a window that saw `before` in the one before it and `current` in itself, at most
// `most` are in sight. gives: the window's length when that is not within it
uint64_t sliding_wait(uint64_t before, uint64_t current, uint64_t most, uint64_t window) {
  if (current > most) return window;
  if (before + current <= most) return 0;
  return window - static_cast<uint64_t>(Wide(window) * (most - current) / before);
}

struct SlidingView {
  Windows windows;
  uint64_t elapsed, window;

  uint64_t in_sight() const {
    return windows.current + divide_up(Wide(windows.before) * (window - elapsed), window);
  }
  // Until at most `most` are in sight.
  uint64_t wait(uint64_t most) const {
    uint64_t at = sliding_wait(windows.before, windows.current, most, window);
    if (at >= window) at = window + sliding_wait(windows.current, 0, most, window);
    return at > elapsed ? at - elapsed : 0;
  }
};

Standing sliding_standing(const LimitRule& rule, const SlidingView& view, uint64_t cost, bool allowed) {
  Standing out{.allowed = allowed};
  uint64_t seen = view.in_sight();
  out.remaining = seen >= rule.most ? 0 : rule.most - seen;
  out.retry = duration(view.wait(rule.most - cost));
  if (seen > 0) {
    out.more = duration(std::max<uint64_t>(view.wait(std::min(seen, rule.most) - 1), 1));
    out.whole = duration((view.windows.current > 0 ? 2 : 1) * view.window - view.elapsed);
  }
  return out;
}

Charged charge_sliding(const LimitRule& rule, uint64_t word, uint64_t now, uint64_t cost, Charge how) {
  uint64_t window = nanoseconds(rule.window);
  SlidingView view{Windows::read(word, now / window), now % window, window};
  bool room = view.in_sight() + cost <= rule.most;
  if (how == Charge::look || (!room && how == Charge::take)) {
    return {word, sliding_standing(rule, view, cost, room)};
  }
  view.windows.current = std::min(view.windows.current + cost, rule.most);
  return {view.windows.word(), sliding_standing(rule, view, cost, true)};
}

// ---- Quota: a window of its own for each key, from its first request on. No calendar, no hour at which all begin anew.

constexpr uint64_t kSecond = 1'000'000'000;

struct QuotaView {
  uint64_t start = 0, count = 0;   // seconds; requests

  static QuotaView read(uint64_t word, uint64_t now, uint64_t window) {
    QuotaView out{word >> 32, word & kCountMax};
    return out.count == 0 || now >= out.start * kSecond + window ? QuotaView{} : out;
  }
  uint64_t word() const { return start << 32 | count; }
};

Standing quota_standing(const LimitRule& rule, const QuotaView& view, uint64_t now, uint64_t cost, bool allowed) {
  Standing out{.allowed = allowed};
  out.remaining = view.count >= rule.most ? 0 : rule.most - view.count;
  if (view.count == 0) return out;
  out.more = out.whole = duration(view.start * kSecond + nanoseconds(rule.window) - now);
  if (view.count + cost > rule.most) out.retry = out.whole;
  return out;
}

Charged charge_quota(const LimitRule& rule, uint64_t word, uint64_t now, uint64_t cost, Charge how) {
  QuotaView view = QuotaView::read(word, now, nanoseconds(rule.window));
  bool room = view.count + cost <= rule.most;
  if (how == Charge::look || (!room && how == Charge::take)) {
    return {word, quota_standing(rule, view, now, cost, room)};
  }
  if (view.count == 0) view.start = now / kSecond + 1;   // rounded up: a window is never shorter than said
  view.count = std::min(view.count + cost, rule.most);
  return {view.word(), quota_standing(rule, view, now, cost, true)};
}

}  // namespace

LimitRule LimitRule::gcra(uint64_t count, Duration per, uint64_t burst) {
  uint64_t emission = divide_up(nanoseconds(per), count);
  return {LimitKind::gcra, burst, duration(emission), duration(emission * burst)};
}

Charged charge(const LimitRule& rule, uint64_t word, uint64_t now, uint64_t cost, Charge how) {
  CHECK(cost <= rule.most);
  switch (rule.kind) {
    case LimitKind::gcra: return charge_gcra(rule, word, now, cost, how);
    case LimitKind::sliding: return charge_sliding(rule, word, now, cost, how);
    case LimitKind::quota: return charge_quota(rule, word, now, cost, how);
    case LimitKind::concurrency: break;
  }
  CHECK(false);
  return {};
}

uint64_t refund(const LimitRule& rule, uint64_t word, uint64_t now, uint64_t cost) {
  switch (rule.kind) {
    case LimitKind::gcra: {
      uint64_t given = cost * nanoseconds(rule.emission);
      return word > now + given ? word - given : std::min(word, now);
    }
    case LimitKind::sliding: {   // of the window before this one nothing comes back: never too much
      uint64_t window = nanoseconds(rule.window);
      Windows windows = Windows::read(word, now / window);
      windows.current -= std::min(windows.current, cost);
      return windows.word();
    }
    case LimitKind::quota: {
      QuotaView view = QuotaView::read(word, now, nanoseconds(rule.window));
      view.count -= std::min(view.count, cost);
      return view.word();
    }
    case LimitKind::concurrency: break;
  }
  CHECK(false);
  return word;
}

bool is_unused(LimitKind kind, Duration window, uint64_t word, uint64_t now) {
  switch (kind) {
    case LimitKind::gcra: return word <= now;
    case LimitKind::sliding: {
      Windows windows = Windows::read(word, now / nanoseconds(window));
      return windows.before == 0 && windows.current == 0;
    }
    case LimitKind::quota: return QuotaView::read(word, now, nanoseconds(window)).count == 0;
    case LimitKind::concurrency: return (word & kCountMax) == 0;
  }
  return true;
}

}  // namespace sluice::policy

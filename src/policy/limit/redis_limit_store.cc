#include "policy/limit/redis_limit_store.h"

#include <array>

#include "base/check.h"
#include "base/text.h"

namespace sluice::policy {
namespace {

// KEYS[1]: the count. ARGV: microseconds between two of the even rate, burst, how many are wanted and how many at least;
// as many as there are of these are given, or none. The TAT is kept in whole microseconds, rounded up. gives: granted,
// remaining, microseconds until there is one more, microseconds until all is back
constexpr std::string_view kGcra = R"(
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local emission, burst, want, least = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local window = emission * burst
local tat = math.max(tonumber(redis.call('GET', KEYS[1]) or '0') or 0, now)
local room = math.max(math.floor((now + window - tat) / emission + 1e-6), 0)
local granted = math.min(room, want)
if room < least then granted = 0 end
if granted > 0 then
  tat = math.ceil(tat + granted * emission)
  redis.call('SET', KEYS[1], string.format('%.0f', tat), 'PX', string.format('%.0f', math.ceil((tat - now) / 1000)))
end
local left = math.max(math.floor((now + window - tat) / emission + 1e-6), 0)
local retry = 0
if left < 1 then retry = math.max(math.ceil(tat + emission - window - now), 1) end
return {granted, left, retry, math.max(tat - now, 0)}
)";

// ARGV: milliseconds of the window, how many are in it, how many are wanted and how many at least. The window begins with
// the first one.
constexpr std::string_view kQuota = R"(
local window, most, want, least = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local used = tonumber(redis.call('GET', KEYS[1]) or '0') or 0
local ends = redis.call('PTTL', KEYS[1])
if ends < 0 then used = 0 end
local granted = math.min(math.max(most - used, 0), want)
if most - used < least then granted = 0 end
if granted > 0 then
  if ends < 0 then
    redis.call('SET', KEYS[1], string.format('%.0f', granted), 'PX', ARGV[1])
    ends = window
  else
    redis.call('INCRBY', KEYS[1], string.format('%.0f', granted))
  end
end
local left = most - used - granted
local whole = 0
if used + granted > 0 then whole = math.max(ends, 1) * 1000 end
local retry = 0
if left < 1 then retry = whole end
return {granted, left, retry, whole}
)";

// ARGV: microseconds of the window, how many are in it, how many are wanted and how many at least. The arithmetic is that of
// rule.cc, in microseconds; a product beyond 2^53 is rounded, which moves a request by less than one. Kept is
// "NUMBER CURRENT BEFORE": a window's number since 1970, its count, and that of the window before it; any other text is
// unused. Time does not go back: what a clock that was ahead has put into the next window holds from that one's start.
constexpr std::string_view kSliding = R"(
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local window, most, want, least = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local number = math.floor(now / window)
local elapsed = now - number * window
local current, before = 0, 0
local held, counted, earlier = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+) (%d+) (%d+)$')
if held then
  local ahead = tonumber(held) - number
  if ahead == 1 then number, elapsed, ahead = number + 1, 0, 0 end
  if ahead == 0 then
    current, before = math.min(tonumber(counted), most), math.min(tonumber(earlier), most)
  elseif ahead == -1 then
    before = math.min(tonumber(counted), most)
  end
end
local seen = current + math.ceil(before * (window - elapsed) / window)
local granted = math.min(math.max(most - seen, 0), want)
if most - seen < least then granted = 0 end
current, seen = current + granted, seen + granted
local whole = 0
if current > 0 then whole = 2 * window - elapsed elseif before > 0 then whole = window - elapsed end
if granted > 0 then
  redis.call('SET', KEYS[1], string.format('%.0f %.0f %.0f', number, current, before), 'PX',
             string.format('%.0f', math.ceil(whole / 1000)))
end
local function fewer_at(before, current)
  if current >= most then return window end
  if before + current < most then return 0 end
  return window - math.floor(window * (most - 1 - current) / before)
end
local retry = 0
if seen >= most then
  local at = fewer_at(before, current)
  if at >= window then at = window + fewer_at(current, 0) end
  retry = math.max(at - elapsed, 1)
end
return {granted, math.max(most - seen, 0), retry, whole}
)";

std::string_view script_of(LimitKind kind) {
  switch (kind) {
    case LimitKind::gcra: return kGcra;
    case LimitKind::sliding: return kSliding;
    case LimitKind::quota: return kQuota;
    case LimitKind::concurrency: break;
  }
  CHECK(false);   // the configuration's check
  return {};
}

// Nanoseconds as microseconds with three decimals.
std::string microseconds(Duration duration) {
  auto count = static_cast<uint64_t>(duration.count());
  std::string rest = std::to_string(count % 1000 + 1000);
  return std::to_string(count / 1000) + "." + rest.substr(1);
}

// The first of a script's numbers.
std::string time_unit_of(const LimitRule& rule) {
  using std::chrono::ceil;
  if (rule.kind == LimitKind::gcra) return microseconds(rule.emission);
  if (rule.kind == LimitKind::sliding) return std::to_string(ceil<std::chrono::microseconds>(rule.window).count());
  return std::to_string(ceil<std::chrono::milliseconds>(rule.window).count());
}

uint64_t number(const redis::Reply& reply) {
  return reply.is(redis::Reply::Type::integer) && reply.integer > 0 ? static_cast<uint64_t>(reply.integer) : 0;
}

// A count of microseconds that another may have written: beyond any two windows there is nothing.
Duration time_of(const redis::Reply& reply) {
  auto most = static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(2 * kWindowMax).count());
  return std::chrono::microseconds(static_cast<int64_t>(std::min(number(reply), most)));
}

}  // namespace

LimitScript::LimitScript(const LimitRule& rule) : script(std::string(script_of(rule.kind))) {
  numbers[0] = time_unit_of(rule);
  numbers[1] = std::to_string(rule.most);
}

bool RedisLimitStore::ask(std::string_view name, Wanted wanted, uint64_t tag, Taker& taker,
                          std::shared_ptr<const void> keep) {
  redis::Client* client = instance_->client(worker_);
  if (client == nullptr) return false;
  taker_ = &taker;
  char texts[2][20];
  auto decimal = [](char* text, uint64_t number) {
    return std::string_view(text, static_cast<size_t>(write_decimal(text, number) - text));
  };
  std::array<std::string_view, 4> arguments{script_->numbers[0], script_->numbers[1], decimal(texts[0], wanted.most),
                                            decimal(texts[1], wanted.least)};
  redis::Command command{.arguments = arguments, .key = name, .script = &script_->script, .tag = tag};
  command.keep = std::move(keep);
  return static_cast<bool>(client->send(command, *this));
}

void RedisLimitStore::on_answer(uint64_t tag, const redis::Answer& answer) {
  Grant grant;
  bool good = answer.outcome == redis::Outcome::answered && answer.reply->is(redis::Reply::Type::array) &&
              answer.reply->items.size() == 4;
  grant.away = !good;
  if (good) {
    auto items = answer.reply->items;
    grant.granted = number(items[0]);
    grant.remaining = number(items[1]);
    grant.retry = time_of(items[2]);
    grant.whole = time_of(items[3]);
  }
  taker_->on_grant(tag, grant);
}

}  // namespace sluice::policy

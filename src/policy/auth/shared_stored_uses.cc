#include "policy/auth/shared_stored_uses.h"

#include <array>
#include <cstdlib>
#include <cstring>

#include "base/log.h"
#include "base/text.h"
#include "observe/time_text.h"
#include "policy/ask/store_question.h"

namespace sluice::policy {
namespace {

// A part of the queue that uses may fill; the rest is for requests.
constexpr size_t kQueuePart = 4;
constexpr size_t kReasonMax = 120;

// As a script, for what SET is answered by a replica or a full Redis would count against Redis itself, which can very well
// say who may come in. gives: empty, or why not
constexpr std::string_view kSetUse = R"(
return redis.pcall('SET', KEYS[1], ARGV[1], 'EX', ARGV[2]).err or ''
)";

// Either way: workers' clocks may differ by a second, and the wall's may go back.
bool is_within_gap(uint64_t word, uint32_t second) {
  int64_t passed = int64_t{second} - static_cast<int64_t>(word & UINT32_MAX);
  return std::abs(passed) < kStoredUseGap.count();
}

}  // namespace

bool SharedUseGaps::claim(const KeyHash& key, WallTime now) {
  auto second = static_cast<uint32_t>(std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()).count());
  uint64_t hash;   // as good as random: it is of a digest
  std::memcpy(&hash, key.bytes.data(), sizeof(hash));
  uint64_t mine = (hash & ~uint64_t{UINT32_MAX}) | second;
  std::atomic<uint64_t>* line = &words_[hash % kLines * kWays];
  std::atomic<uint64_t>* place = nullptr;
  uint64_t seen = 0;
  for (size_t way = 0; way < kWays; ++way) {
    uint64_t word = line[way].load(std::memory_order_relaxed);
    bool same = word != 0 && word >> 32 == mine >> 32;
    bool within = word != 0 && is_within_gap(word, second);
    if (same && within) return false;
    if (!same && (within || place != nullptr)) continue;
    place = &line[way];
    seen = word;
    if (same) break;
  }
  return place != nullptr && place->compare_exchange_strong(seen, mine, std::memory_order_relaxed);
}

SharedStoredUses::SharedStoredUses(std::string auth, std::shared_ptr<const redis::Instance> redis)
    : auth_(std::move(auth)), redis_(std::move(redis)), script_(std::string(kSetUse)) {}

bool SharedStoredUses::may_write() {
  Right right = right_.load(std::memory_order_relaxed);
  if (right == Right::held) return true;
  return right == Right::untried && right_.compare_exchange_strong(right, Right::asked, std::memory_order_relaxed);
}

// What is refused stays so, whatever was on its way with it. gives: whether this is new
bool SharedStoredUses::learn(Right right) {
  Right before = right_.load(std::memory_order_relaxed);
  while (before != Right::refused && before != right) {
    if (right_.compare_exchange_weak(before, right, std::memory_order_relaxed)) return true;
  }
  return false;
}

void SharedStoredUses::note(Call& call, const KeyHash& key) {
  redis::Client* client = redis_->client(call.worker());
  Right right = right_.load(std::memory_order_relaxed);
  if (client == nullptr || right == Right::refused || right == Right::asked) return;
  if (client->queued() >= client->options().queue_max / kQueuePart) return;
  WallTime now = call.clock().wall();
  if (!gaps_.claim(key, now) || !may_write()) return;
  char time[observe::TimeText::kBytes], kept[20];
  observe::TimeText().write(time, now);
  char* end = write_decimal(kept, static_cast<uint64_t>(kStoredUseKept.count()));
  std::array<std::string_view, 2> arguments{std::string_view(time, sizeof(time)),
                                            std::string_view(kept, static_cast<size_t>(end - kept))};
  redis::Command command{.arguments = arguments,
                         .key = stored_name(kStoredUsePrefix, key.bytes, call.arena()),
                         .script = &script_};
  command.keep = shared_from_this();
  if (!client->send(command, *this)) learn(Right::untried);
}

SharedStoredUses::Right SharedStoredUses::right_after(const redis::Answer& answer) {
  bool answered = answer.outcome == redis::Outcome::answered && answer.reply->is(redis::Reply::Type::text);
  if (!answered && answer.outcome != redis::Outcome::refused) return Right::untried;
  if (answer.reply->text.empty()) return Right::held;
  bool for_now = redis::is_unfit(redis::error_kind(answer.reply->text));
  return for_now ? Right::untried : Right::refused;
}

void SharedStoredUses::on_answer(uint64_t, const redis::Answer& answer) {
  Right right = right_after(answer);
  if (!learn(right) || right != Right::refused) return;
  LOG(warn, "last uses of keys are not kept", kv("auth", auth_), kv("redis", redis_->name()),
      kv("reason", printable(answer.reply->text, kReasonMax)));
}

}  // namespace sluice::policy

// What a Redis holds by name, as one worker knows it: looked up when it is first asked for, and known for less than a
// second, so that what is removed there counts everywhere a second later.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/check.h"
#include "policy/ask/answer_desk.h"
#include "policy/policy.h"
#include "redis/instance.h"

namespace sluice::policy {

/// From when the question was sent. Something that is removed just after it was found is accepted for so long.
inline constexpr Duration kStoredKept = std::chrono::milliseconds(800);
/// That Redis gave no answer, from when that was known: nobody asks more often for one name.
inline constexpr Duration kStoreSilenceKept = std::chrono::milliseconds(100);
/// Rechecks of one worker at a time, and no more than this part of the queue: the rest is for requests.
inline constexpr size_t kStoreRechecksMax = 256;
inline constexpr size_t kStoreRechecksPart = 4;
inline size_t store_rechecks_max(const redis::Instance& instance, unsigned worker) {
  const redis::Client* client = instance.client(worker);
  return client != nullptr ? std::min<size_t>(kStoreRechecksMax, client->options().queue_max / kStoreRechecksPart) : 0;
}
/// So long a request waits; the command has a deadline of its own (redis' command_timeout).
inline constexpr Duration kStoreWaitMax = std::chrono::seconds(3);

/// Makes values of the texts; held by questions that are still open when the configuration has moved on.
template <class Value>
class StoredReader {
 public:
  virtual ~StoredReader() = default;
  /// `text`: nothing when there is none of the name
  virtual Value read(std::optional<std::string_view> text) const = 0;
};

/// `Value`: has `size_t bytes() const`, what it holds beside itself.
template <class Value>
class StoreDesk final : public redis::Asker, public std::enable_shared_from_this<StoreDesk<Value>> {
 public:
  enum class State : uint8_t {
    known,
    waiting,       // it is asked for, and call.resume() was taken
    unavailable,   // Redis gave no answer
  };
  struct Found {
    State state;
    const Value* value = nullptr;   // of known: valid until the loop turns
  };

  /// `bytes_max`: of all that is known
  StoreDesk(std::shared_ptr<const redis::Instance> instance, std::shared_ptr<const StoredReader<Value>> reader,
            size_t bytes_max)
      : instance_(std::move(instance)), reader_(std::move(reader)), bytes_max_(bytes_max) {}

  /// `since`: of what was asked before nothing counts
  Found find(Call& call, std::string_view name, TimePoint since = {}) {
    QuestionKey key = known_.key_of({name});
    const auto* held = known_.find(key);
    if (held != nullptr && held->fresh_until > call.clock().now() && counts(*held, since)) {
      const std::optional<Value>& value = held->value.value;
      return value ? Found{State::known, &*value} : Found{State::unavailable};
    }
    bool rehearsed = call.reach() == nullptr;   // explain: nobody answers
    if (!rehearsed && !known_.asked(key) && !ask(call, name, key)) return {State::unavailable};
    known_.wait(key, call.resume());
    return {State::waiting};
  }

 private:
  struct Kept {
    std::optional<Value> value;   // nothing: Redis gave no answer
    size_t bytes() const { return value ? value->bytes() : 0; }
  };
  struct Question {
    QuestionKey key;
    const Clock* clock;   // the loop's
    TimePoint sent;
  };

  // That Redis is silent, it is for all who ask.
  static bool counts(const typename AnswerDesk<Kept>::Held& held, TimePoint since) {
    return !held.value.value || held.fresh_until - kStoredKept >= since;
  }

  /// gives: whether an answer will come
  bool ask(Call& call, std::string_view name, const QuestionKey& key) {
    redis::Client* client = instance_->client(call.worker());
    if (client == nullptr) return false;
    std::array<std::string_view, 2> arguments{"GET", name};
    redis::Command command;
    command.arguments = arguments;
    command.key = name;
    command.tag = ++last_tag_;
    command.keep = this->shared_from_this();
    if (!client->send(command, *this)) return false;
    open_.emplace(command.tag, Question{key, &call.clock(), call.clock().now()});
    return true;
  }

  void on_answer(uint64_t tag, const redis::Answer& answer) override {
    auto found = open_.find(tag);
    CHECK(found != open_.end());
    Question question = found->second;
    open_.erase(found);
    TimePoint now = question.clock->now();
    TimePoint fresh_until = question.sent + kStoredKept;
    std::optional<Value> value = now < fresh_until ? read(answer) : std::nullopt;   // too late to be of use
    if (!value) fresh_until = now + kStoreSilenceKept;
    known_.keep(question.key, {{std::move(value)}, fresh_until}, bytes_max_);
    known_.settle(question.key);
  }

  std::optional<Value> read(const redis::Answer& answer) const {
    using Type = redis::Reply::Type;
    if (answer.outcome != redis::Outcome::answered) return std::nullopt;
    if (answer.reply->is(Type::nil)) return reader_->read(std::nullopt);
    if (answer.reply->is(Type::text)) return reader_->read(answer.reply->text);
    return std::nullopt;
  }

  std::shared_ptr<const redis::Instance> instance_;
  std::shared_ptr<const StoredReader<Value>> reader_;
  size_t bytes_max_;
  AnswerDesk<Kept> known_;
  std::unordered_map<uint64_t, Question> open_;
  uint64_t last_tag_ = 0;
};

}  // namespace sluice::policy

// One worker's questions to one service over HTTP, such as token introspection or an authorizer: one at a time for each
// question, bounded in number, answered out of a cache where there is an answer already.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

#include "observe/service_counts.h"
#include "policy/ask/answer_desk.h"
#include "policy/reach.h"

namespace sluice::policy {

/// Of one worker to one service. Beyond them a request is told to come back: a service this far behind is of no use.
inline constexpr size_t kServiceQuestionsMax = 64;

/// Of these: rechecks. The rest is for requests.
inline constexpr size_t kServiceRechecksMax = 16;

/// Makes values of answers; held by questions that are still open when the configuration has moved on.
template <class Value>
class AnswerReader {
 public:
  using Held = typename AnswerDesk<Value>::Held;
  struct Reading {
    Held held;
    observe::ServiceOutcome outcome;   // what the service said, whatever is made of it
  };
  virtual ~AnswerReader() = default;
  /// `before`: what was known, null: nothing. No answer at all is one too: its error is a line for the log.
  virtual Reading read(Result<upstream::FetchResponse, std::string> answer, const Held* before, TimePoint now,
                    WallTime wall) const = 0;
};

template <class Value>
class ServiceDesk final : public upstream::Fetcher::Asker, public std::enable_shared_from_this<ServiceDesk<Value>> {
 public:
  using Held = typename AnswerDesk<Value>::Held;
  using Reader = AnswerReader<Value>;

  AnswerDesk<Value>& answers() { return answers_; }

  /// What one question needs beside its request.
  struct Way {
    const Reach& reach;
    const Clock& clock;
    std::shared_ptr<const Reader> reader;
    size_t bytes_max;   // of all answers that are kept
    std::shared_ptr<observe::SharedServiceCounts> counts;
  };
  /// needs: nobody has asked. gives: false when too many are asked already, or nobody can be asked
  bool ask(const QuestionKey& key, upstream::FetchRequest request, Way way) {
    uint64_t tag = ++last_tag_;
    if (open_.size() >= kServiceQuestionsMax ||
        !way.reach.fetcher.start(std::move(request), this->shared_from_this(), tag)) {
      way.counts->count_unasked();
      return false;
    }
    open_.emplace(tag, Open{key, &way.clock, std::move(way.reader), way.bytes_max, std::move(way.counts), way.clock.now()});
    return true;
  }

  void on_answer(uint64_t tag, Result<upstream::FetchResponse, std::string> answer, unsigned connections) override {
    auto found = open_.find(tag);
    CHECK(found != open_.end());
    Open open = std::move(found->second);
    open_.erase(found);
    TimePoint now = open.clock->now();
    auto reading = open.reader->read(std::move(answer), answers_.find(open.key), now, open.clock->wall());
    open.counts->count(reading.outcome, now - open.asked_at, connections);
    answers_.keep(open.key, std::move(reading.held), open.bytes_max);
    answers_.settle(open.key);
  }

 private:
  struct Open {
    QuestionKey key;
    const Clock* clock;   // the loop's
    std::shared_ptr<const Reader> reader;
    size_t bytes_max;
    std::shared_ptr<observe::SharedServiceCounts> counts;
    TimePoint asked_at;
  };

  AnswerDesk<Value> answers_;
  std::unordered_map<uint64_t, Open> open_;
  uint64_t last_tag_ = 0;
};

}  // namespace sluice::policy

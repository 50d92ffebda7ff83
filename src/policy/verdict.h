// What a policy answers. A policy returns one and never calls the engine.
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "http/message.h"
#include "http/problem.h"

namespace sluice::policy {

/// A response that a policy made itself (preflight, cache hit); lives in the request's arena.
struct Reply {
  http::Head* head = nullptr;
  std::string_view body;
};

class Verdict {
 public:
  enum class Kind : uint8_t {
    pass,    // on to the next policy
    refuse,  // answer with a problem
    reply,   // answer with this response
    wait,    // until a Resume brings a verdict, or the deadline passes
    again,   // brought by a Resume only: what the policy waited for is there, run it once more
  };

  static Verdict pass() { return Verdict(Kind::pass); }
  /// needs: `problem` has static storage
  static Verdict refuse(const http::Problem& problem) {
    Verdict verdict(Kind::refuse);
    verdict.problem_ = &problem;
    return verdict;
  }
  static Verdict reply(const Reply& reply) {
    Verdict verdict(Kind::reply);
    verdict.reply_ = &reply;
    return verdict;
  }
  /// Waits; when `deadline` passes first, the request is refused with `if_late`, or passes when that is null.
  static Verdict wait(TimePoint deadline, const http::Problem* if_late) {
    Verdict verdict(Kind::wait);
    verdict.deadline_ = deadline;
    verdict.problem_ = if_late;
    return verdict;
  }
  static Verdict again() { return Verdict(Kind::again); }

  Kind kind() const { return kind_; }
  const http::Problem* problem() const { return problem_; }
  const Reply* reply() const { return reply_; }
  TimePoint deadline() const { return deadline_; }

 private:
  explicit Verdict(Kind kind) : kind_(kind) {}
  Kind kind_;
  const http::Problem* problem_ = nullptr;
  const Reply* reply_ = nullptr;
  TimePoint deadline_ = kNever;
};

}  // namespace sluice::policy

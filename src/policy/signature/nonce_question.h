// Asks a [redis.NAME] whether a signed request came before, to any of the gateways that share it.
#pragma once

#include "policy/ask/store_question.h"
#include "policy/signature/shared_nonces.h"

namespace sluice::policy {

/// Of one request, in its arena: cancelled when the request is over.
class NonceQuestion {
 public:
  enum class Answer : uint8_t {
    none,      // not yet
    fresh,     // nobody had it, and now it is remembered
    used,
    unknown,   // Redis is away, or not well
  };

  /// gives: false when it was not even sent; otherwise an answer comes
  bool ask(const redis::Instance& instance, const Call& call, const ReplayId& id, Duration lives);
  /// Whom the answer wakes.
  void wake(Resume resume) { question_.wake(resume); }
  Answer answer() const;
  void cancel() { question_.cancel(); }

 private:
  StoreQuestion question_;
};

}  // namespace sluice::policy

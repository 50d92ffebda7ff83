// Asks a [redis.NAME] whether a signed request came before, to any of the gateways that share it.
#pragma once

#include <optional>

#include "policy/policy.h"
#include "policy/signature/shared_nonces.h"
#include "redis/instance.h"

namespace sluice::policy {

/// Of one request, in its arena: cancelled when the request is over.
class NonceQuestion final : public redis::Asker {
 public:
  enum class Answer : uint8_t {
    none,      // not yet
    fresh,     // nobody had it, and now it is remembered
    used,
    unknown,   // Redis is away, or not well
  };

  /// gives: false when it was not even sent; otherwise an answer comes
  bool ask(const redis::Instance& instance, unsigned worker, const ReplayId& id, Duration lives);
  /// Whom the answer wakes.
  void wake(Resume resume) { resume_ = resume; }
  Answer answer() const { return answer_; }
  void cancel();

 private:
  void on_answer(uint64_t tag, const redis::Answer& answer) override;

  const redis::Instance* instance_ = nullptr;   // while it is asked
  unsigned worker_ = 0;
  redis::Ticket ticket_;
  std::optional<Resume> resume_;
  Answer answer_ = Answer::none;
};

}  // namespace sluice::policy

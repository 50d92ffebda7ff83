// The token with which a late answer (Redis, a key set, a plugin) reaches its request: checked by
// generation, harmless when the request has gone.
#pragma once

#include <cstdint>
#include <vector>

#include "policy/verdict.h"

namespace sluice::policy {

/// Somebody who waits for a verdict.
class Waiter {
 public:
  virtual void on_verdict(const Verdict& verdict) = 0;

 protected:
  ~Waiter() = default;
};

/// One worker's table of requests that wait.
class ResumeDesk {
 public:
  struct Ticket {
    uint32_t index = 0;
    uint32_t generation = 0;   // 0: none
  };
  Ticket issue(Waiter& waiter);
  /// The waiter waits no longer: its ticket has no effect from now on.
  void cancel(Ticket ticket);
  void deliver(Ticket ticket, const Verdict& verdict);

 private:
  struct Slot {
    Waiter* waiter = nullptr;
    uint32_t generation = 1;
  };
  std::vector<Slot> slots_;
  std::vector<uint32_t> free_;
};

/// Copyable; give() works once, and only while the request waits.
class Resume {
 public:
  Resume(ResumeDesk& desk, ResumeDesk::Ticket ticket) : desk_(&desk), ticket_(ticket) {}
  void give(const Verdict& verdict) { desk_->deliver(ticket_, verdict); }

 private:
  ResumeDesk* desk_;
  ResumeDesk::Ticket ticket_;
};

}  // namespace sluice::policy

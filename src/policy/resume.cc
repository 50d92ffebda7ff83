#include "policy/resume.h"

namespace sluice::policy {

ResumeDesk::Ticket ResumeDesk::issue(Waiter& waiter) {
  if (free_.empty()) {
    free_.push_back(static_cast<uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  uint32_t index = free_.back();
  free_.pop_back();
  slots_[index].waiter = &waiter;
  return {index, slots_[index].generation};
}

void ResumeDesk::cancel(Ticket ticket) {
  if (ticket.generation == 0 || slots_[ticket.index].generation != ticket.generation) return;
  Slot& slot = slots_[ticket.index];
  slot.waiter = nullptr;
  if (++slot.generation == 0) slot.generation = 1;
  free_.push_back(ticket.index);
}

void ResumeDesk::deliver(Ticket ticket, const Verdict& verdict) {
  if (ticket.generation == 0 || slots_[ticket.index].generation != ticket.generation) return;
  Waiter* waiter = slots_[ticket.index].waiter;
  cancel(ticket);
  waiter->on_verdict(verdict);
}

}  // namespace sluice::policy

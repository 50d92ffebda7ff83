#include "policy/resume.h"

#include "unit/policy/call.h"

namespace sluice::policy {
namespace {

struct Somebody final : Waiter {
  void on_verdict(const Verdict&) override { ++verdicts; }
  int verdicts = 0;
};

TEST(Resume, a_verdict_reaches_its_waiter_once) {
  ResumeDesk desk;
  Somebody waiter;
  Resume resume(desk, desk.issue(waiter));
  Resume copy = resume;
  resume.give(Verdict::pass());
  copy.give(Verdict::pass());
  EXPECT_EQ(waiter.verdicts, 1);
}

TEST(Resume, a_cancelled_token_has_no_effect_even_when_its_place_is_taken_again) {
  ResumeDesk desk;
  Somebody first;
  Somebody second;
  ResumeDesk::Ticket old = desk.issue(first);
  desk.cancel(old);
  ResumeDesk::Ticket fresh = desk.issue(second);
  EXPECT_EQ(fresh.index, old.index);
  Resume(desk, old).give(Verdict::pass());
  desk.cancel(old);  // idempotent: the new one stands
  EXPECT_EQ(first.verdicts + second.verdicts, 0);
  Resume(desk, fresh).give(Verdict::pass());
  EXPECT_EQ(second.verdicts, 1);
}

TEST(Resume, no_ticket_is_no_ticket) {
  ResumeDesk desk;
  desk.cancel({});
  Resume(desk, {}).give(Verdict::pass());
}

TEST(Resume, many_wait_at_once) {
  ResumeDesk desk;
  std::vector<Somebody> waiters(100);
  std::vector<ResumeDesk::Ticket> tickets;
  for (Somebody& waiter : waiters) tickets.push_back(desk.issue(waiter));
  for (size_t i = 0; i < waiters.size(); i += 2) desk.cancel(tickets[i]);
  for (const auto& ticket : tickets) Resume(desk, ticket).give(Verdict::pass());
  for (size_t i = 0; i < waiters.size(); ++i) EXPECT_EQ(waiters[i].verdicts, i % 2 == 0 ? 0 : 1);
}

}  // namespace
}  // namespace sluice::policy

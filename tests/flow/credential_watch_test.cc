// How credentials are asked about again whose sockets are open: when, how many at a time, and what the answers do.
#include <algorithm>
#include <map>
#include <vector>

#include "flow/socket_world.h"
#include "policy/auth/problems.h"
#include "proxy/credential_watch.h"

namespace sluice::flow {
namespace {

using policy::AcceptedCredential;
using policy::Authenticator;
using std::chrono::milliseconds;
using Outcome = Authenticator::Outcome;

/// Lets in whoever X-Key names, and answers what the test says; questions without an answer are kept open.
struct Asked final : Authenticator {
  std::string_view name() const override { return "asked"; }
  std::string describe() const override { return "asked"; }
  Outcome authenticate(policy::Call& call) const override {
    auto* identity = call.arena().make<policy::Identity>();
    for (const http::Field& field : call.request().fields) {
      if (field.name() == "X-Key") identity->credential = identity->token = field.value();
    }
    identity->authenticator = "asked";
    identity->method = "test";
    call.findings().identity = identity;
    return Outcome::accepted();
  }
  std::string_view challenge(Arena&, const http::Problem*) const override { return {}; }
  void remove_credential(http::Head&, Arena&) const override {}

  size_t rechecks_max(unsigned) const override { return max; }
  Outcome recheck(policy::Call& call, const AcceptedCredential& credential, TimePoint since) const override {
    EXPECT_EQ(credential.token, credential.name);
    std::string name(credential.name);
    TimePoint first = asked_at.try_emplace(name, call.clock().now()).first->second;
    EXPECT_EQ(since + proxy::kRecheckLook, first) << "when the question began, however often it is looked at";
    auto answer = answers.find(name);
    if (answer == answers.end()) {
      waiting.push_back(call.resume());
      most = std::max(most, waiting.size());
      return Outcome::wait(call.clock().now() + std::chrono::seconds(3), policy::kCredentialStoreUnavailable);
    }
    asked_at.erase(name);
    ++rechecks[name];
    return answer->second;
  }
  /// All open questions have this answer.
  void answer(World& world, Outcome outcome) {
    Scheduler::Turn turn(world.scheduler);
    for (const auto& [name, at] : asked_at) answers[name] = outcome;
    for (policy::Resume& resume : std::exchange(waiting, {})) resume.give(policy::Verdict::again());
  }
  void know(const std::string& name, Outcome outcome) { answers.insert_or_assign(name, outcome); }

  size_t max = 4;
  std::map<std::string, Outcome, std::less<>> answers;
  mutable std::map<std::string, int, std::less<>> rechecks;
  mutable std::map<std::string, TimePoint, std::less<>> asked_at;
  mutable std::vector<policy::Resume> waiting;
  mutable size_t most = 0;
};

struct Lets final : policy::Policy {
  explicit Lets(const Asked& by) : asked(&by) {}
  std::string_view name() const override { return "auth"; }
  std::string describe() const override { return "lets in"; }
  policy::Wants wants() const override { return {.request = true}; }
  policy::Verdict on_request(policy::Call& call) const override {
    asked->authenticate(call);
    return policy::Verdict::pass();
  }
  const Asked* asked;
};

class Watch : public SocketWorld {
 protected:
  explicit Watch(std::string_view websocket = "idle = \"60s\"") : SocketWorld(websocket), asked(std::make_shared<Asked>()) {
    auto& parts = const_cast<snapshot::Snapshot&>(*world.lease.snapshot).auth;   // made non-const by build()
    auto part = std::make_shared<snapshot::AuthPart>();
    part->name = "asked";
    part->authenticator = asked;
    parts.push_back(part);
    world.add_policy("r", std::make_unique<Lets>(*asked));
  }
  ~Watch() override {
    world.engine.drain(milliseconds(1));
    world.pass(std::chrono::seconds(2));
    EXPECT_EQ(world.engine.tunnels(), 0u);
  }
  Client& socket(const std::string& key) {
    Client& one = world.client();
    std::string ask(kAsk);
    one.ask(ask.insert(ask.size() - 2, "X-Key: " + key + "\r\n"));
    world.respond_head(kSwitch);
    EXPECT_EQ(one.status(), 101);
    return one;
  }
  int closed(Client& one) { return close_code(one.stream); }

  std::shared_ptr<Asked> asked;
};

TEST_F(Watch, each_is_asked_about_once_for_all_its_sockets_and_those_end_together) {
  asked->know("a", Outcome::accepted());
  asked->know("b", Outcome::accepted());
  Client &first = socket("a"), &second = socket("a"), &other = socket("b");
  world.pass(proxy::kRecheckEvery - milliseconds(100));
  EXPECT_EQ(asked->rechecks["a"], 0);
  world.pass(milliseconds(300));
  EXPECT_EQ(asked->rechecks["a"], 1);
  world.pass(proxy::kRecheckEvery * 4);
  EXPECT_GE(asked->rechecks["a"], 4);
  EXPECT_LE(asked->rechecks["a"], 5);
  asked->know("a", Outcome::refused(policy::kApiKeyUnknown));
  world.pass(std::chrono::seconds(1));
  EXPECT_EQ(closed(first), 1008);
  EXPECT_EQ(closed(second), 1008);
  EXPECT_EQ(closed(other), 0);
  world.pass(std::chrono::seconds(1));
  EXPECT_EQ(ended(observe::TunnelEnd::revoked), 2u);
  int before = asked->rechecks["a"];
  world.pass(std::chrono::seconds(3));
  EXPECT_EQ(asked->rechecks["a"], before) << "nobody is left whom it let in";
  EXPECT_GT(asked->rechecks["b"], 5);
}

TEST_F(Watch, so_many_are_asked_about_at_a_time_and_all_have_their_turn) {
  std::vector<Client*> sockets;
  for (int i = 0; i < 10; ++i) sockets.push_back(&socket("k" + std::to_string(i)));
  world.pass(std::chrono::seconds(1));
  EXPECT_EQ(asked->waiting.size(), asked->max);
  for (int i = 0; i < 3; ++i) {
    asked->answer(world, Outcome::refused(policy::kApiKeyUnknown));
    world.pass(milliseconds(200));
  }
  EXPECT_EQ(asked->most, asked->max);
  for (Client* one : sockets) EXPECT_EQ(closed(*one), 1008);
}

TEST_F(Watch, who_gets_no_answer_stays_and_one_at_a_time_is_asked_about_until_there_is_one) {
  asked->max = 100;
  std::vector<Client*> sockets;
  for (int i = 0; i < 10; ++i) sockets.push_back(&socket("k" + std::to_string(i)));
  world.pass(std::chrono::seconds(1));
  EXPECT_EQ(asked->waiting.size(), 10u);
  asked->answer(world, Outcome::refused(policy::kCredentialStoreUnavailable));
  asked->answers.clear();
  world.pass(std::chrono::seconds(2));
  EXPECT_EQ(asked->waiting.size(), 1u);
  for (Client* one : sockets) EXPECT_EQ(closed(*one), 0);
  asked->answer(world, Outcome::accepted());
  world.pass(milliseconds(200));
  EXPECT_EQ(asked->waiting.size(), 9u);
}

TEST_F(Watch, a_question_that_nobody_answers_any_more_is_given_up) {
  Client& one = socket("a");
  world.pass(std::chrono::seconds(1));
  ASSERT_EQ(asked->waiting.size(), 1u);
  world.pass(std::chrono::seconds(3));
  asked->asked_at.clear();
  world.pass(std::chrono::seconds(1));
  EXPECT_EQ(asked->waiting.size(), 2u);
  asked->waiting.front().give(policy::Verdict::again());   // too late: no effect
  asked->answer(world, Outcome::refused(policy::kApiKeyUnknown));
  world.pass(milliseconds(200));
  EXPECT_EQ(closed(one), 1008);
}

TEST_F(Watch, all_sockets_of_a_credential_end_with_it) {
  Client &first = socket("a"), &second = socket("a");
  asked->know("a", Outcome::refused(policy::kApiKeyUnknown));
  world.pass(std::chrono::seconds(1));
  EXPECT_EQ(closed(first), 1008);
  EXPECT_EQ(closed(second), 1008);
}

TEST_F(Watch, an_answer_may_come_when_the_socket_has_gone) {
  Client& one = socket("a");
  world.pass(std::chrono::seconds(1));
  ASSERT_EQ(asked->waiting.size(), 1u);
  lose(one.stream);
  world.pass(std::chrono::seconds(1));
  EXPECT_EQ(world.engine.tunnels(), 0u);
  asked->answer(world, Outcome::refused(policy::kApiKeyUnknown));
}

TEST_F(Watch, nobody_asks_before_something_new_can_be_learnt) {
  Outcome good = Outcome::accepted();
  good.deadline = world.clock.now() + std::chrono::seconds(5);
  asked->know("a", good);
  asked->know("b", Outcome::accepted());
  socket("a");
  socket("b");
  world.pass(std::chrono::seconds(4));
  EXPECT_EQ(asked->rechecks["a"], 1);
  EXPECT_GE(asked->rechecks["b"], 4) << "does not wait behind it";
  world.pass(milliseconds(1300));
  EXPECT_EQ(asked->rechecks["a"], 2);
}

class KeptOnes : public Watch {
 protected:
  KeptOnes() : Watch("on_expiry = \"keep\"") {}
};

TEST_F(KeptOnes, are_not_asked_about) {
  asked->know("a", Outcome::refused(policy::kApiKeyUnknown));
  Client& one = socket("a");
  world.pass(std::chrono::seconds(3));
  EXPECT_EQ(asked->rechecks["a"], 0);
  EXPECT_EQ(closed(one), 0);
}

}  // namespace
}  // namespace sluice::flow

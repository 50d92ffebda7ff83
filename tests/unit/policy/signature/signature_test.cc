// The authenticator over a scheme that says what it is told to: what passes once, what the body must
// be, and what happens when a request is asked again.
#include "policy/signature/signature.h"

#include <gtest/gtest.h>

#include "../call.h"
#include "policy/auth/authenticate.h"
#include "policy/signature/signature_problems.h"

namespace sluice::policy {
namespace {

constexpr WallTime kLater = WallTime(std::chrono::hours(1'000'000));

class ToldScheme final : public SignatureScheme {
 public:
  std::string describe() const override { return "told"; }
  Authenticator::Outcome judge(Call& call, Proof& out) const override {
    ++asked;
    out = proof;
    out.identity = call.arena().make<Identity>();
    return Authenticator::Outcome::accepted();
  }
  const std::string& challenge() const override { return challenge_; }
  void remove_signature(http::Head&, Arena&) const override {}
  size_t replace(SigningKeys) override { return 0; }

  Proof proof;
  mutable int asked = 0;

 private:
  std::string challenge_ = "Told";
};

/// Waits once, then accepts.
class Waits final : public Authenticator {
 public:
  std::string_view name() const override { return "waits"; }
  std::string describe() const override { return "waits"; }
  Outcome authenticate(Call& call) const override {
    if (waited_) return Outcome::accepted();
    waited_ = true;
    call.resume();
    return Outcome::wait(call.clock().now(), kSignatureInvalid);
  }
  std::string_view challenge(Arena&, const http::Problem*) const override { return {}; }
  void remove_credential(http::Head&, Arena&) const override {}

 private:
  mutable bool waited_ = false;
};

struct Signatures : testing::Test {
  Signatures() { scheme->proof.replayable_until = kLater; }
  std::shared_ptr<const SignatureAuthenticator> make(PassesOnce once = PassesOnce::all) {
    return std::make_shared<SignatureAuthenticator>("bank", scheme, ReplayMemory{once, nonces, nullptr});
  }
  /// gives: "accepted", or the code of the problem
  static std::string ask(const SignatureAuthenticator& of, std::string_view text) {
    TestCall test(text);
    auto outcome = of.authenticate(test.call);
    if (outcome.finding == Authenticator::Finding::accepted) return "accepted";
    return std::string(outcome.problem->code);
  }
  std::shared_ptr<ToldScheme> scheme = std::make_shared<ToldScheme>();
  std::shared_ptr<SharedNonces> nonces = std::make_shared<SharedNonces>(64);
};

constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr std::string_view kPost = "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n";

TEST_F(Signatures, pass_once) {
  auto authenticator = make();
  EXPECT_EQ(ask(*authenticator, kGet), "accepted");
  EXPECT_EQ(ask(*authenticator, kGet), "signature_replayed");
  scheme->proof.replay_id[0] = 64;   // the same shard, which has one place
  EXPECT_EQ(ask(*authenticator, kGet), "signature_table_full");
}

TEST_F(Signatures, of_safe_methods_pass_again_where_only_unsafe_ones_pass_once) {
  auto authenticator = make(PassesOnce::unsafe);
  EXPECT_EQ(ask(*authenticator, kGet), "accepted");
  EXPECT_EQ(ask(*authenticator, kGet), "accepted");
  EXPECT_EQ(ask(*authenticator, kPost), "accepted");
  EXPECT_EQ(ask(*authenticator, kPost), "signature_replayed");
  scheme->proof.may_repeat = true;
  EXPECT_EQ(ask(*authenticator, kPost), "accepted");
}

TEST_F(Signatures, of_a_target_in_another_form_are_refused_and_used_up_nothing) {
  auto authenticator = make();
  EXPECT_EQ(ask(*authenticator, "GET /b/../a HTTP/1.1\r\nHost: a\r\n\r\n"), "signature_target");
  EXPECT_EQ(ask(*authenticator, "GET http://a/a?../ HTTP/1.1\r\nHost: a\r\n\r\n"), "accepted");
}

TEST_F(Signatures, a_request_without_a_body_has_the_digest_of_nothing) {
  std::string nothing = crypto::Digest(crypto::Hash::sha256).of("");
  auto authenticator = make(PassesOnce::unsafe);
  scheme->proof.digest = ExpectedDigest{crypto::Hash::sha256, nothing};
  EXPECT_EQ(ask(*authenticator, kGet), "accepted");
  nothing[0] ^= 1;
  EXPECT_EQ(ask(*authenticator, kGet), "digest_mismatch");
  EXPECT_EQ(ask(*authenticator, kPost), "accepted");   // its body is still to come
}

TEST_F(Signatures, asked_again_because_another_waited_a_request_is_the_same_one) {
  Authenticate policy({make(), std::make_shared<Waits>()}, Authenticate::Needs::all,
                      Authenticate::Credentials::removed);
  TestCall test(kGet);
  EXPECT_EQ(policy.on_request(test.call).kind(), Verdict::Kind::wait);
  EXPECT_EQ(policy.on_request(test.call).kind(), Verdict::Kind::pass);
  EXPECT_NE(test.call.identity(), nullptr);
  EXPECT_EQ(scheme->asked, 1);
}

TEST_F(Signatures, each_try_of_a_body_has_a_filter_of_its_own) {
  std::string digest = crypto::Digest(crypto::Hash::sha256).of("abc");
  scheme->proof.digest = ExpectedDigest{crypto::Hash::sha256, digest};
  auto authenticator = make();
  SignedBody policy(authenticator);
  TestCall test(kPost);
  EXPECT_EQ(policy.request_body(test.call), nullptr);   // nobody signed it
  ASSERT_EQ(authenticator->authenticate(test.call).finding, Authenticator::Finding::accepted);
  for (std::string_view body : {"ab", "abc", "abd"}) {
    BodyFilter* filter = policy.request_body(test.call);
    ASSERT_NE(filter, nullptr);
    Chain bytes;
    bytes.append_copy(test.blocks, body);
    Verdict verdict = filter->feed(bytes, http::End::yes);
    EXPECT_EQ(verdict.kind(), body == "abc" ? Verdict::Kind::pass : Verdict::Kind::refuse);
  }
  policy.on_end(test.call);
  policy.on_end(test.call);
}

}  // namespace
}  // namespace sluice::policy

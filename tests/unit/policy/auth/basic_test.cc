#include "policy/auth/basic.h"

#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "base/base64.h"
#include "policy/auth/authenticate.h"
#include "policy/auth/problems.h"
#include "unit/policy/reach.h"

namespace sluice::policy {
namespace {

using Finding = Authenticator::Finding;

// Of "U*U": a vector of crypt_blowfish, as cheap as bcrypt goes.
const std::string kHash = "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

class BasicTest : public ::testing::Test {
 protected:
  BasicTest() : path_(::testing::TempDir() + "users." + std::to_string(::getpid())) {
    write("alice:" + kHash + "\nbob:" + kHash + "\n");
    file_ = std::make_shared<UserFile>("auth.legacy", path_);
    EXPECT_TRUE(file_->read());
    BasicOptions options;
    options.holders["alice"] = {"acme", {{"orders:read"}, {}, {}, {}, {}}};
    options.holders["bob"] = {"far", {{}, {}, {}, {}, {{*Cidr::parse("203.0.113.0/24")}, {}}}};
    options.cache_for = std::chrono::seconds(60);
    authenticator_ = std::make_shared<BasicAuthenticator>("legacy", std::move(options), file_);
  }
  ~BasicTest() override { std::remove(path_.c_str()); }

  void write(const std::string& text) { std::ofstream(path_) << text; }
  static std::string header(const std::string& user, const std::string& password) {
    std::string text = "Authorization: Basic ";
    append_base64(user + ":" + password, text);
    return text + "\r\n";
  }
  struct Asked : TestCall {
    explicit Asked(const std::string& fields, const TestReach* reach)
        : TestCall("GET / HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n") {
      call.reach_ = reach ? &reach->reach : nullptr;
    }
  };
  Authenticator::Outcome ask(TestCall& test) {
    Authenticator::Outcome outcome = authenticator_->authenticate(test.call);
    if (outcome.finding != Finding::waiting) return outcome;
    EXPECT_TRUE(reach_.until_woken(test));
    EXPECT_EQ(test.last, Verdict::Kind::again);
    test.verdicts = 0;
    return authenticator_->authenticate(test.call);
  }
  /// gives: what became of one request
  const http::Problem* refusal(const std::string& fields) {
    Asked test(fields, &reach_);
    Authenticator::Outcome outcome = ask(test);
    EXPECT_NE(outcome.finding, Finding::waiting);
    return outcome.finding == Finding::absent ? &kCredentialsMissing : outcome.problem;
  }

  std::string path_;
  std::shared_ptr<UserFile> file_;
  std::shared_ptr<BasicAuthenticator> authenticator_;
  TestReach reach_;
};

TEST_F(BasicTest, a_user_is_the_consumer_that_names_him) {
  Asked test(header("alice", "U*U"), &reach_);
  ASSERT_EQ(ask(test).finding, Finding::accepted);
  const Identity& identity = *test.call.identity();
  EXPECT_EQ(identity.subject, "alice");
  EXPECT_EQ(identity.credential, "alice");
  EXPECT_EQ(identity.consumer, "acme");
  EXPECT_EQ(identity.method, "basic");
  EXPECT_EQ(identity.authenticator, "legacy");
  EXPECT_TRUE(identity.has_scope("orders:read"));
  authenticator_->remove_credential(test.head, test.arena);
  EXPECT_EQ(test.fields(), "");
}

TEST_F(BasicTest, the_answer_is_remembered_until_the_file_changes) {
  EXPECT_EQ(refusal(header("alice", "U*U")), nullptr);
  EXPECT_EQ(refusal(header("alice", "wrong")), &kPasswordRefused);
  Asked again(header("alice", "U*U"), &reach_), wrong(header("alice", "wrong"), &reach_);
  EXPECT_EQ(authenticator_->authenticate(again.call).finding, Finding::accepted);   // at once
  EXPECT_EQ(authenticator_->authenticate(wrong.call).problem, &kPasswordRefused);
  write("bob:" + kHash + "\n");
  ASSERT_TRUE(file_->read());
  Asked later(header("alice", "U*U"), &reach_);
  EXPECT_EQ(authenticator_->authenticate(later.call).finding, Finding::waiting);
  ASSERT_TRUE(reach_.until_woken(later));
  EXPECT_EQ(authenticator_->authenticate(later.call).problem, &kPasswordRefused);
}

TEST_F(BasicTest, who_is_gone_or_has_another_password_is_revoked) {
  Asked test(header("alice", "U*U"), &reach_);
  EXPECT_EQ(ask(test).finding, Finding::accepted);
  const Identity& alice = *test.call.identity();
  AcceptedCredential shown{alice.credential, alice.subject, alice.handle};
  AcceptedCredential of_old{alice.credential, alice.subject, {}};   // a ticket's, from before handles were there
  auto revoked = [&](const std::string& users, const AcceptedCredential& credential) {
    write(users);
    EXPECT_TRUE(file_->read());
    return authenticator_->revoked(credential);
  };
  const std::string kOther = "$2y$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK";
  EXPECT_FALSE(revoked("bob:" + kOther + "\nalice:" + kHash + "\n", shown));
  EXPECT_TRUE(revoked("alice:" + kOther + "\n", shown));
  EXPECT_FALSE(revoked("alice:" + kOther + "\n", of_old));
  EXPECT_TRUE(revoked("bob:" + kHash + "\n", shown));
}

TEST_F(BasicTest, an_answer_grows_old) {
  Asked test(header("alice", "U*U"), &reach_);
  ASSERT_EQ(ask(test).finding, Finding::accepted);
  // The clock of the threads' answers is the call's: it outlives the jobs.
  test.clock.advance(std::chrono::seconds(61));
  EXPECT_EQ(authenticator_->authenticate(test.call).finding, Finding::waiting);
  ASSERT_TRUE(reach_.until_woken(test));
}

TEST_F(BasicTest, a_change_while_a_password_is_hashed_is_not_missed) {
  Asked test(header("alice", "U*U"), &reach_);
  ASSERT_EQ(authenticator_->authenticate(test.call).finding, Finding::waiting);
  write("bob:" + kHash + "\n");
  ASSERT_TRUE(file_->read());
  Asked other(header("bob", "wrong"), &reach_);
  EXPECT_EQ(authenticator_->authenticate(other.call).finding, Finding::waiting);   // sees the new file
  ASSERT_TRUE(reach_.until_woken(test));
  test.verdicts = 0;
  EXPECT_EQ(ask(test).problem, &kPasswordRefused);
  ASSERT_TRUE(reach_.until_woken(other));
}

TEST_F(BasicTest, one_hash_serves_all_who_ask_for_it_at_once) {
  Asked first(header("alice", "U*U"), &reach_);
  std::vector<std::unique_ptr<Asked>> others;
  ASSERT_EQ(authenticator_->authenticate(first.call).finding, Finding::waiting);
  for (int i = 0; i < 50; ++i) {   // more than the queue holds
    others.push_back(std::make_unique<Asked>(header("alice", "U*U"), &reach_));
    ASSERT_EQ(authenticator_->authenticate(others.back()->call).finding, Finding::waiting);
  }
  for (auto& one : others) {
    ASSERT_TRUE(reach_.until_woken(*one));
    EXPECT_EQ(authenticator_->authenticate(one->call).finding, Finding::accepted);
  }
}

TEST_F(BasicTest, when_too_many_are_to_be_hashed_the_next_is_told_to_come_back) {
  std::vector<std::unique_ptr<Asked>> asked;
  const http::Problem* problem = nullptr;
  for (int i = 0; i < 100 && problem == nullptr; ++i) {
    asked.push_back(std::make_unique<Asked>(header("alice", std::to_string(i)), &reach_));
    Authenticator::Outcome outcome = authenticator_->authenticate(asked.back()->call);
    if (outcome.finding == Finding::refused) problem = outcome.problem;
  }
  EXPECT_EQ(problem, &kPasswordsBusy);
  EXPECT_GE(asked.size(), 5u);
  asked.pop_back();
  for (auto& one : asked) EXPECT_TRUE(reach_.until_woken(*one));
}

TEST_F(BasicTest, what_is_no_good_pair_is_refused) {
  struct Case {
    std::string fields;
    const http::Problem* problem;
  };
  const Case kCases[] = {
      {"", &kCredentialsMissing},
      {"Authorization: Bearer abc\r\n", &kCredentialsMissing},
      {"Authorization: Basically abc\r\n", &kCredentialsMissing},
      {"Authorization: Basic\r\n", &kPasswordRefused},
      {"Authorization: Basic abc\r\n", &kPasswordRefused},
      {"Authorization: Basic YWxpY2U\r\n", &kPasswordRefused},       // no padding
      {"Authorization: Basic YWxpY2U=\r\n", &kPasswordRefused},      // no colon
      {header("alice", "U*U") + header("alice", "U*U"), &kCredentialsAmbiguous},
      {header("alice", "wrong"), &kPasswordRefused},
      {header("alice", ""), &kPasswordRefused},
      {header("Alice", "U*U"), &kPasswordRefused},
      {header("", "U*U"), &kPasswordRefused},
      {header("nobody", "U*U"), &kPasswordRefused},                  // the decoy is right, and does not count
      {header("alice", "U*U\n"), &kPasswordRefused},
      {header("alice", std::string("U*U\0", 4)), &kPasswordRefused},
      {header("alice", "\xff"), &kPasswordRefused},
      {header("alice", std::string(300, 'x')), &kPasswordRefused},
      {header("bob", "U*U"), &kCredentialAddress},
  };
  for (const Case& one : kCases) EXPECT_EQ(refusal(one.fields), one.problem) << one.fields;
  EXPECT_EQ(refusal("authorization: BASIC  YWxpY2U6VSpV\r\n"), nullptr);
}

TEST_F(BasicTest, where_nobody_hashes_the_request_waits) {   // explain
  Asked test(header("alice", "U*U"), nullptr);
  EXPECT_EQ(authenticator_->authenticate(test.call).finding, Finding::waiting);
}

TEST_F(BasicTest, the_challenge_asks_for_utf8) {
  Asked test("", &reach_);
  EXPECT_EQ(authenticator_->challenge(test.arena, nullptr), "Basic realm=\"legacy\", charset=\"UTF-8\"");
}

TEST_F(BasicTest, that_threads_are_busy_is_no_failure_of_the_client) {
  TestReach busy({.threads = 1, .queue_max = 0});
  Authenticate policy({authenticator_}, Authenticate::Needs::any, Authenticate::Credentials::removed);
  Asked test(header("alice", "U*U"), &busy);
  EXPECT_EQ(policy.on_request(test.call).problem(), &kPasswordsBusy);
  EXPECT_FALSE(test.call.findings().credential_refused);
}

TEST(UserTable, says_which_line_is_wrong_and_nothing_of_it) {
  const std::pair<std::string, std::string> kCases[] = {
      {"alice", "line 1 has no colon between user and hash"},
      {"# users\n\nalice:" + kHash + "\n:" + kHash, "line 4 has no user name of 1 to 255 bytes"},
      {std::string(256, 'a') + ":" + kHash, "line 1 has no user name of 1 to 255 bytes"},
      {"alice:secret", "line 1 is neither a bcrypt nor an Argon2 hash"},
      {"alice:" + kHash + ":x", "line 1 is no whole bcrypt hash"},
      {"alice:" + kHash + "\r\nalice:" + kHash, "line 2 has a user that another line has too"},
  };
  for (const auto& [text, why] : kCases) {
    auto table = UserTable::read(text);
    ASSERT_FALSE(table) << text;
    EXPECT_EQ(table.error(), why);
  }
}

TEST(UserTable, a_byte_order_mark_is_no_part_of_a_name) {
  auto table = UserTable::read("\xef\xbb\xbf" "alice:" + kHash + "\r\n");
  ASSERT_TRUE(table);
  EXPECT_NE(table->find("alice"), nullptr);
}

TEST(UserTable, takes_its_decoy_from_what_most_users_have) {
  EXPECT_EQ(UserTable::read("")->decoy(), nullptr);
  const std::string kEnd = "$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW\n";
  auto table = UserTable::read("a:$2y$09" + kEnd + "b:$2y$05" + kEnd + "c:$2y$05" + kEnd + "d:$2a$05" + kEnd);
  ASSERT_TRUE(table);
  ASSERT_NE(table->decoy(), nullptr);
  EXPECT_EQ(table->decoy()->cost(), "$2y$05");
  EXPECT_EQ(table->size(), 4u);
}

}  // namespace
}  // namespace sluice::policy

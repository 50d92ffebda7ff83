#include "plugin/plugin.h"

#include <gtest/gtest.h>

#include "plugin/problems.h"
#include "unit/plugin/modules.h"
#include "unit/policy/call.h"

namespace sluice::plugin {
namespace {

using policy::TestCall;
using policy::Verdict;
using Settings = config::Map<std::string>;

constexpr std::string_view kRequest = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

Verdict verdict_of(const char* number) {
  auto plugin = Plugin::load("v", config_of(module("verdict"), {{"verdict", {}, number}}));
  EXPECT_TRUE(plugin);
  TestCall test(kRequest);
  return make_policy(*plugin)->on_request(test.call);
}

TEST(Plugin, its_answer_is_the_verdict) {
  EXPECT_EQ(verdict_of("0").kind(), Verdict::Kind::pass);
  EXPECT_EQ(verdict_of("2").kind(), Verdict::Kind::refuse);
  EXPECT_EQ(verdict_of("2").problem(), &kPluginRefused);
}

TEST(Plugin, what_is_no_verdict_lets_nothing_through) {
  // A reply that was not given, the plugin's own failure, and numbers that do not exist.
  for (const char* number : {"1", "3", "4", "9"}) {
    Verdict verdict = verdict_of(number);
    ASSERT_EQ(verdict.kind(), Verdict::Kind::refuse) << number;
    EXPECT_EQ(verdict.problem(), &kPluginFailed) << number;
  }
}

TEST(Plugin, refuses_settings_with_the_plugins_words) {
  auto wrong = Plugin::load("old", config_of(module("abi_1_0"), {{"colour", {}, "green"}}));
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().kind, Fault::Kind::settings);
  EXPECT_EQ(wrong.error().why, "there is no color");
  auto silent = Plugin::load("silent", config_of(module("silent")));
  ASSERT_FALSE(silent);
  EXPECT_EQ(silent.error().why, "it does not say why");
}

TEST(Plugin, one_without_functions_takes_part_in_nothing) {
  auto plugin = Plugin::load("bare", config_of(module("bare")));
  ASSERT_TRUE(plugin);
  auto policy = make_policy(*plugin);
  EXPECT_FALSE(policy->wants().request);
  EXPECT_FALSE(policy->wants().response);
  EXPECT_EQ(policy->describe(), "bare 0, ABI 1.0");
}

TEST(Plugin, replies_and_refuses) {
  auto plugin = Plugin::load("old", config_of(module("abi_1_0"), {{"color", {}, "green"}}));
  ASSERT_TRUE(plugin);
  auto policy = make_policy(*plugin);
  TestCall replied("GET / HTTP/1.1\r\nHost: h\r\nX-Reply: tea\r\n\r\n");
  Verdict verdict = policy->on_request(replied.call);
  ASSERT_EQ(verdict.kind(), Verdict::Kind::reply);
  EXPECT_EQ(verdict.reply()->head->status, 418);
  EXPECT_EQ(verdict.reply()->body, "tea");
  EXPECT_EQ(TestCall::text_of(verdict.reply()->head->fields), "Content-Type: text/plain");
  TestCall refused("GET / HTTP/1.1\r\nHost: h\r\nX-Refuse: 1\r\n\r\n");
  EXPECT_EQ(policy->on_request(refused.call).problem(), &kPluginRefused);
}

}  // namespace
}  // namespace sluice::plugin

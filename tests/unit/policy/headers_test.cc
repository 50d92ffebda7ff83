#include "policy/headers.h"

#include "unit/policy/call.h"

namespace sluice::policy {
namespace {

config::Template text(const std::string& source) {
  auto parsed = config::parse_template(source);
  EXPECT_TRUE(parsed) << source;
  return *parsed;
}

HeaderRules rules(std::vector<std::pair<std::string, std::string>> set,
                  std::vector<std::pair<std::string, std::string>> add = {},
                  std::vector<std::string> remove = {}) {
  HeaderRules out;
  auto fill = [](const auto& from, auto& to) {
    for (const auto& [name, value] : from) {
      auto& item = to.emplace_back();
      item.name = name;
      item.value.value = text(value);
    }
  };
  fill(set, out.set);
  fill(add, out.add);
  for (const std::string& name : remove) out.remove.emplace_back().value = name;
  return out;
}

std::string applied(const HeaderRules& request, const std::string& fields) {
  TestCall call("GET /a?q=1 HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n");
  Headers policy({.request = request, .response = {}});
  EXPECT_EQ(policy.on_request(call.call).kind(), Verdict::Kind::pass);
  return call.fields();
}

TEST(Headers, a_name_that_is_set_is_first_removed_in_every_spelling) {
  constexpr const char* kSpellings[] = {"X-User-Name", "x-user-name", "X_User_Name", "X-USER_NAME",
                                        "x_user-name"};
  for (const char* spelling : kSpellings) {
    std::string sent = std::string(spelling) + ": evil\r\nA: b\r\n" + spelling + ": evil too\r\n";
    EXPECT_EQ(applied(rules({{"X-User-Name", "good"}}), sent), "A: b|X-User-Name: good")
        << spelling;
  }
}

TEST(Headers, a_name_that_is_removed_goes_in_every_spelling) {
  EXPECT_EQ(applied(rules({}, {}, {"X-User"}), "X-User: a\r\nx_user: b\r\nX-Users: c\r\n"),
            "X-Users: c");
}

TEST(Headers, names_that_the_parser_knows_have_other_spellings_too) {
  EXPECT_EQ(applied(rules({{"X-Real-IP", "1"}}), "x_real_ip: 2\r\nX-Real-Ip: 3\r\n"),
            "X-Real-IP: 1");
  EXPECT_EQ(applied(rules({{"X_Real_Ip", "1"}}), "X-Real-IP: 3\r\n"), "X_Real_Ip: 1");
}

TEST(Headers, adding_leaves_what_is_there) {
  EXPECT_EQ(applied(rules({}, {{"Link", "two"}}), "Link: one\r\n"), "Link: one|Link: two");
}

TEST(Headers, removal_comes_before_set_and_add) {
  EXPECT_EQ(applied(rules({{"A", "set"}}, {{"B", "add"}}, {"A", "B"}), "A: 1\r\nB: 2\r\n"),
            "A: set|B: add");
}

TEST(Headers, values_are_made_before_anything_is_removed) {
  EXPECT_EQ(applied(rules({{"New", "{header.Old}"}}, {}, {"Old"}), "Old: kept\r\n"), "New: kept");
}

TEST(Headers, a_missing_fact_removes_what_it_would_set) {
  EXPECT_EQ(applied(rules({{"X-User", "{header.None}"}}), "X-User: evil\r\n"), "");
}

TEST(Headers, control_bytes_never_become_a_value) {
  TestCall call("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  for (const char* value : {"a\r\nEvil: 1", "a\nb", "a\x01", "a\x7f"}) {
    Param param{"p", value};
    call.call.params_ = {&param, 1};
    Headers policy({.request = rules({{"X-P", "{path.p}"}}), .response = {}});
    policy.on_request(call.call);
    EXPECT_EQ(call.fields(), "");
  }
}

TEST(Headers, responses_have_rules_of_their_own) {
  TestCall call("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  Headers policy({.request = {}, .response = rules({{"X-Host", "{host}"}}, {}, {"Server"})});
  http::Head response(call.arena);
  response.fields.add("Server", "secret");
  response.fields.add("ETag", "1");
  policy.on_response(call.call, response);
  EXPECT_EQ(TestCall::text_of(response.fields), "ETag: 1|X-Host: x");
  EXPECT_FALSE(policy.wants().request);
  EXPECT_TRUE(policy.wants().response);
}

TEST(Headers, describes_itself_without_values) {
  Headers policy({.request = rules({{"Authorization", "secret"}}, {}, {"X-D"}),
                  .response = rules({}, {{"A", "b"}})});
  EXPECT_EQ(policy.describe(), "request remove X-D, request set Authorization, response add A");
}

}  // namespace
}  // namespace sluice::policy

#include "plugin/host.h"

#include <gtest/gtest.h>

#include <cstring>

#include "base/log.h"
#include "unit/policy/call.h"

namespace sluice::plugin {
namespace {

using policy::TestCall;

constexpr std::string_view kRequest =
    "PUT /a/b?q=1 HTTP/1.1\r\nHost: Api.Example:81\r\nAccept: a\r\nX-Tag: 1\r\nx-tag: 2\r\n\r\n";

sluice_text text(std::string_view from) {
  return {from.data(), from.size()};
}
std::string str(sluice_text from) {
  return {from.data, from.size};
}

struct HostTest : testing::Test {
  TestCall test{kRequest};
  sluice_request request{test.call, nullptr, "mine"};
  const sluice_host& host = host_table();
  sluice_text value{};

  std::string fact(int32_t which) {
    return host.fact(&request, which, &value) == SLUICE_OK ? str(value) : "none";
  }
};

TEST_F(HostTest, gives_the_facts_of_the_canonical_request) {
  EXPECT_EQ(fact(SLUICE_FACT_METHOD), "PUT");
  EXPECT_EQ(fact(SLUICE_FACT_SCHEME), "http");
  EXPECT_EQ(fact(SLUICE_FACT_HOST), "api.example:81");
  EXPECT_EQ(fact(SLUICE_FACT_PATH), "/a/b");
  EXPECT_EQ(fact(SLUICE_FACT_QUERY), "q=1");
  EXPECT_EQ(fact(SLUICE_FACT_CLIENT_IP), "192.0.2.7");
  EXPECT_EQ(fact(SLUICE_FACT_ROUTE), "orders");
  EXPECT_EQ(fact(SLUICE_FACT_REQUEST_ID), "id");
  EXPECT_EQ(fact(8), "none");  // of a later ABI
  EXPECT_EQ(fact(-1), "none");
  TestCall plain("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  sluice_request other{plain.call, nullptr, "mine"};
  EXPECT_EQ(host.fact(&other, SLUICE_FACT_QUERY, &value), SLUICE_NONE);
}

TEST_F(HostTest, finds_headers_whatever_their_case_one_after_the_other) {
  EXPECT_EQ(host.request_header(&request, text("accept"), 0, &value), SLUICE_OK);
  EXPECT_EQ(str(value), "a");
  EXPECT_EQ(host.request_header(&request, text("X-TAG"), 1, &value), SLUICE_OK);
  EXPECT_EQ(str(value), "2");
  EXPECT_EQ(host.request_header(&request, text("X-TAG"), 2, &value), SLUICE_NONE);
  EXPECT_EQ(host.request_header(&request, text(""), 0, &value), SLUICE_NONE);
}

TEST_F(HostTest, setting_a_header_replaces_every_spelling) {
  TestCall spelt(
      "GET / HTTP/1.1\r\nHost: h\r\nX-User: evil\r\nX_User: evil\r\nx-user: evil\r\n\r\n");
  sluice_request other{spelt.call, nullptr, "mine"};
  EXPECT_EQ(host.set_request_header(&other, text("X-User"), text("jane")), SLUICE_OK);
  EXPECT_EQ(spelt.fields(), "X-User: jane");
  EXPECT_EQ(host.remove_request_header(&other, text("x_user")), SLUICE_OK);
  EXPECT_EQ(spelt.fields(), "");
}

TEST_F(HostTest, refuses_names_and_values_that_would_break_the_message) {
  std::string before = test.fields();
  for (const char* name :
       {"Host", "content-length", "Transfer-Encoding", "Connection", "TE", "Upgrade", "Trailer",
        "Expect", "Keep-Alive", "", "a b", "a:", "\xc3\xa4"}) {
    EXPECT_EQ(host.set_request_header(&request, text(name), text("x")), SLUICE_BAD) << name;
    EXPECT_EQ(host.remove_request_header(&request, text(name)), SLUICE_BAD) << name;
  }
  using namespace std::string_view_literals;
  for (std::string_view bad : {"a\r\nB: c"sv, "a\nb"sv, "a\0b"sv, "\x7f"sv}) {
    EXPECT_EQ(host.set_request_header(&request, text("X-A"), text(bad)), SLUICE_BAD);
  }
  EXPECT_EQ(host.set_request_header(&request, text("X-A"), {nullptr, 3}), SLUICE_BAD);
  EXPECT_EQ(host.set_request_header(&request, {nullptr, 3}, text("x")), SLUICE_BAD);
  EXPECT_EQ(test.fields(), before);
}

TEST_F(HostTest, each_direction_has_its_time) {
  EXPECT_EQ(host.status(&request), 0);
  EXPECT_EQ(host.response_header(&request, text("A"), 0, &value), SLUICE_LATE);
  EXPECT_EQ(host.set_response_header(&request, text("A"), text("b")), SLUICE_LATE);
  EXPECT_EQ(host.remove_response_header(&request, text("A")), SLUICE_LATE);
  http::Head response(test.arena);
  response.status = 404;
  sluice_request after{test.call, &response, "mine"};
  EXPECT_EQ(host.status(&after), 404);
  EXPECT_EQ(host.set_request_header(&after, text("A"), text("b")), SLUICE_LATE);
  EXPECT_EQ(host.remove_request_header(&after, text("A")), SLUICE_LATE);
  EXPECT_EQ(host.reply(&after, 200, text("t"), text("b")), SLUICE_LATE);
  EXPECT_EQ(host.set_response_header(&after, text("A"), text("b")), SLUICE_OK);
  EXPECT_EQ(TestCall::text_of(response.fields), "A: b");
}

TEST_F(HostTest, changes_are_bounded_in_number_and_bytes) {
  for (uint32_t i = 0; i < kChangesMax; ++i) {
    EXPECT_EQ(host.set_request_header(&request, text("X-A"), text("b")), SLUICE_OK);
  }
  EXPECT_EQ(host.set_request_header(&request, text("X-A"), text("c")), SLUICE_LIMIT);
  EXPECT_EQ(host.remove_request_header(&request, text("X-A")), SLUICE_LIMIT);
  EXPECT_EQ(host.request_header(&request, text("X-A"), 0, &value), SLUICE_OK);
  EXPECT_EQ(str(value), "b");

  sluice_request other{test.call, nullptr, "mine"};
  std::string large(kCopiedBytesMax - 3, 'x');
  EXPECT_EQ(host.set_request_header(&other, text("X-A"), text(large + "y")), SLUICE_LIMIT);
  EXPECT_EQ(host.set_request_header(&other, text("X-A"), text(large)), SLUICE_OK);
  EXPECT_EQ(host.set_request_header(&other, text("B"), text("")), SLUICE_LIMIT);
}

TEST_F(HostTest, memory_is_zeroed_kept_and_bounded) {
  EXPECT_EQ(host.memory(&request, kMemoryBytesMax + 1), nullptr);
  auto* first = static_cast<char*>(host.memory(&request, 100));
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(std::string(first, 100), std::string(100, '\0'));
  std::strcpy(first, "left here");
  http::Head response(test.arena);
  sluice_request after{test.call, &response, "mine"};
  EXPECT_STREQ(static_cast<char*>(host.memory(&after, 100)), "left here");
  EXPECT_EQ(host.memory(&after, 101), nullptr);
}

TEST_F(HostTest, a_reply_is_sound_and_given_once) {
  for (int32_t status : {0, 100, 199, 600, -5}) {
    EXPECT_EQ(host.reply(&request, status, text("text/plain"), text("b")), SLUICE_BAD) << status;
  }
  EXPECT_EQ(host.reply(&request, 204, text(""), text("b")), SLUICE_BAD);
  EXPECT_EQ(host.reply(&request, 200, text("a\r\nb: c"), text("b")), SLUICE_BAD);
  EXPECT_EQ(host.reply(&request, 200, text("t"), text(std::string(kReplyBytesMax + 1, 'x'))),
            SLUICE_LIMIT);
  EXPECT_EQ(request.reply, nullptr);
  std::string body = "no";
  EXPECT_EQ(host.reply(&request, 403, text("text/plain"), text(body)), SLUICE_OK);
  body = "changed afterwards";
  ASSERT_NE(request.reply, nullptr);
  EXPECT_EQ(request.reply->body, "no");
  EXPECT_EQ(host.reply(&request, 403, text("text/plain"), text("again")), SLUICE_LATE);
}

struct Lines final : LogSink {
  void write(std::string_view line) override { lines.emplace_back(line.substr(25)); }
  std::vector<std::string> lines;
};

TEST_F(HostTest, log_lines_are_bounded_and_cannot_forge_others) {
  Lines sink;
  set_log_sink(&sink);
  host.log(&request, SLUICE_LOG_WARN, text("two\nlines"));
  host.log(&request, 77, text(std::string(kLogBytesMax + 100, 'x')));
  for (int i = 0; i < 10; ++i) host.log(&request, SLUICE_LOG_ERROR, text("more"));
  set_log_sink(nullptr);
  ASSERT_EQ(sink.lines.size(), kLogLinesMax);
  EXPECT_EQ(sink.lines[0], "warn  plugin plugin=mine request=id text=\"two\\u000alines\"\n");
  EXPECT_LT(sink.lines[1].size(), kLogBytesMax + 60);
}

}  // namespace
}  // namespace sluice::plugin

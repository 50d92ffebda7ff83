#include "observe/log_format.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "base/arena.h"
#include "observe/log_line.h"

namespace sluice::observe {
namespace {

using namespace std::chrono_literals;

std::string fill(const std::string& text, const AccessRecord& record,
                 Queries queries = Queries::left_out) {
  auto format = LogFormat::parse(text);
  if (!format) return "error: " + format.error().why;
  TemplateLine line(*format, record, queries);
  EXPECT_LE(line.worst(), TemplateLine::kWorstMax);
  std::string out(line.worst(), '?');
  TimeText time;
  ClfTimeText clf_time;
  auto bytes = static_cast<size_t>(line.write(out.data(), time, clf_time) - out.data());
  EXPECT_LE(bytes, line.worst());
  out.resize(bytes);
  return out;
}

AccessRecord whole_record() {
  AccessRecord record;
  record.time = WallTime(1'700'000'000'042ms);
  record.request_id = "01ARZ3";
  record.client_ip = *IpAddress::parse("2001:db8::1");
  record.listener = "public";
  record.method = "GET";
  record.authority = "shop.example.com:8443";
  record.path = "/orders/7";
  record.query = "a=1&token=secret";
  record.version = "HTTP/1.1";
  record.status = 200;
  record.response_bytes = 12;
  record.duration = 1500us;
  record.route = "orders";
  record.aborted = Side::client;
  record.user_agent = "curl/8 \"x\"";
  record.referer = "https://a.example/b?token=secret";
  return record;
}

TEST(LogFormat, common_and_combined_are_what_their_readers_expect) {
  EXPECT_EQ(fill("common", whole_record()),
            "2001:db8::1 - - [14/Nov/2023:22:13:20 +0000] \"GET /orders/7 HTTP/1.1\" 200 12\n");
  EXPECT_EQ(fill("combined", whole_record()),
            "2001:db8::1 - - [14/Nov/2023:22:13:20 +0000] \"GET /orders/7 HTTP/1.1\" 200 12 "
            "\"https://a.example/b\" \"curl/8 \\x22x\\x22\"\n");
}

TEST(LogFormat, queries_are_written_only_on_request) {
  std::string line = fill("combined", whole_record(), Queries::written);
  EXPECT_NE(line.find("\"GET /orders/7?a=1&token=secret HTTP/1.1\""), std::string::npos) << line;
  EXPECT_NE(line.find("\"https://a.example/b?token=secret\""), std::string::npos) << line;
}

TEST(LogFormat, a_request_that_never_was_one_still_has_its_columns) {
  EXPECT_EQ(fill("common", AccessRecord{}), "- - - [01/Jan/1970:00:00:00 +0000] \"- - -\" 000 0\n");
}

TEST(LogFormat, templates_take_every_fact) {
  BlockPool pool;
  Arena arena(pool);
  http::Fields fields(arena);
  fields.add(http::FieldId::accept, "text/html");
  const std::array<NamedValue, 1> params{{{"id", "7"}}};
  AccessRecord record = whole_record();
  record.fields = &fields;
  record.params = params;
  const struct {
    const char* text;
    const char* line;
  } rows[] = {
      {"{ip} {client_ip}", "2001:db8::1 2001:db8::1\n"},
      {"{time}", "2023-11-14T22:13:20.042Z\n"},
      {"{host} {authority}", "shop.example.com shop.example.com:8443\n"},
      {"{status}/{duration_us}/{upstream_us}", "200/1500/-\n"},
      {"{header.accept} {header.X-None}", "text/html -\n"},
      {"{path.id} {path.none} {query.token} {query.tok}", "7 - secret -\n"},
      {"{route} {upstream} {aborted} {retries}", "orders - client 0\n"},
      {"a{{b}}\t{listener}!", "a{b}\tpublic!\n"},
      {"{request}", "GET /orders/7 HTTP/1.1\n"},
      {"{query}", "a=1&token=secret\n"},  // asked for by name
  };
  for (const auto& row : rows) EXPECT_EQ(fill(row.text, record), row.line) << row.text;
  EXPECT_EQ(fill("{closed} {close_code}", record), "- -\n");   // what is no socket, or one that opens
  record.closed = "upstream_protocol";
  record.close_code = 1002;
  EXPECT_EQ(fill("{closed} {close_code}", record), "upstream_protocol 1002\n");
}

TEST(LogFormat, no_byte_of_a_client_breaks_a_line_or_a_column) {
  for (int byte = 0; byte < 256; ++byte) {
    AccessRecord record;
    std::string text(17, 'x');
    text[9] = static_cast<char>(byte);
    record.path = record.user_agent = text;
    std::string line = fill("{path} {status} \"{user_agent}\" end", record);
    ASSERT_EQ(line.find('\n'), line.size() - 1) << byte;
    for (char c : line.substr(0, line.size() - 1)) ASSERT_TRUE(c >= ' ' && c < 0x7f) << byte;
    EXPECT_EQ(line.find(' '), line.find(" 000 ")) << line;  // no new column
    EXPECT_EQ(std::count(line.begin(), line.end(), '"'), 2) << line;
  }
}

TEST(LogFormat, the_worst_line_is_cut_and_fits) {
  std::string text(100'000, '\x01');
  AccessRecord record;
  record.method = record.path = record.query = record.version = record.user_agent = record.referer =
      record.authority = text;
  std::string many;
  for (int i = 0; i < 31; ++i) many += "{path} ";
  for (const std::string& format : {std::string("combined"), many, std::string("{path}")}) {
    std::string line = fill(format, record, Queries::written);
    EXPECT_NE(line.find("\\x01..."), std::string::npos);
    EXPECT_EQ(line.back(), '\n');
  }
}

TEST(LogFormat, what_is_no_format_is_refused_with_a_hint) {
  const struct {
    std::string text;
    const char* why;
    size_t offset;
  } rows[] = {
      {"jsno", "did you mean \"json\"?", 0},
      {"combine", "did you mean \"combined\"?", 0},
      {"plain", "a template names facts, such as {status}", 0},
      {"", "a template names facts, such as {status}", 0},
      {"{ip} {statsu}", "did you mean \"status\"?", 6},
      {"{reqest}", "did you mean \"request\"?", 1},
      {"{ip", "a brace has no partner; {{ and }} are braces themselves", 0},
      {"{header}", "write {header.NAME}", 1},
      {"{status.}", "{status} has no name", 1},
      {"{path.}", "write {path.NAME}", 1},
      {"{status.x}", "{status} has no name", 1},
      {"{ip} {header.Authorization}", "this header holds secrets: no log may have them", 6},
      {"{header.cookie}", "this header holds secrets: no log may have them", 1},
      {"{ip}\n{path}", "a line break or control byte would break the line", 4},
      {std::string(5000, 'x') + "{ip}", "longer than 4096 bytes", 4096},
  };
  for (const auto& row : rows) {
    auto format = LogFormat::parse(row.text);
    ASSERT_FALSE(format) << row.text;
    EXPECT_EQ(format.error().why, row.why);
    EXPECT_EQ(format.error().offset, row.offset) << row.text;
  }
  EXPECT_TRUE(LogFormat::parse("{nothing}").error().why.starts_with("the facts are request ip "));
  std::string many;
  for (int i = 0; i < 33; ++i) many += "{ip}";
  EXPECT_EQ(LogFormat::parse(many).error().why, "more than 32 facts");
  std::string requests;
  for (int i = 0; i < 9; ++i) requests += "{request}";
  EXPECT_EQ(LogFormat::parse(requests).error().why, "more than 32 facts");
}

}  // namespace
}  // namespace sluice::observe

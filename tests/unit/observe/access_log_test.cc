#include "observe/access_log.h"

#include <gtest/gtest.h>

#include <string>
#include <tuple>

#include "observe/writer.h"
#include "unit/observe/temporary_folder.h"

namespace sluice::observe {
namespace {

using namespace std::chrono_literals;

struct Options {
  std::string format = "json";
  bool query = false;
};

std::string line_of(const AccessRecord& record, const Options& options = {}) {
  TemporaryFolder folder;
  LogWriter writer;
  {
    AccessLogTarget target{*writer.open({.name = "access", .path = folder.file("access.log")}),
                           *LogFormat::parse(options.format), options.query};
    AccessLog log(std::make_shared<const AccessLogTarget>(target));
    log.write(record);
  }
  writer.stop();
  return read_whole(folder.file("access.log"));
}

AccessRecord whole_record() {
  AccessRecord record;
  record.time = WallTime(1'700'000'000'042ms);
  record.request_id = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
  record.trace_id = "0af7651916cd43dd8448eb211c80319c";
  record.client_ip = *IpAddress::parse("2001:db8::1");
  record.listener = "public";
  record.method = "GET";
  record.authority = "shop.example.com";
  record.path = "/orders/7";
  record.query = "token=secret";
  record.version = "HTTP/1.1";
  record.status = 200;
  record.request_bytes = 1;
  record.response_bytes = 18'446'744'073'709'551'615ULL;
  record.duration = 1500us;
  record.upstream_time = 1200us;
  record.route = "orders";
  record.upstream = "shop";
  record.endpoint = "10.0.0.1:80";
  record.retries = 1;
  record.problem = "upstream_reset";
  record.aborted = Side::client;
  record.tls_version = "TLSv1.3";
  record.user_agent = "curl/8";
  record.referer = "https://a.example/b?token=secret#c";
  return record;
}

TEST(AccessLog, writes_every_field_in_a_fixed_order) {
  EXPECT_EQ(
      line_of(whole_record()),
      R"({"time":"2023-11-14T22:13:20.042Z","request_id":"01ARZ3NDEKTSV4RRFFQ69G5FAV",)"
      R"("trace_id":"0af7651916cd43dd8448eb211c80319c","client_ip":"2001:db8::1",)"
      R"("listener":"public","method":"GET","authority":"shop.example.com","path":"/orders/7",)"
      R"("version":"HTTP/1.1","tls":"TLSv1.3","status":200,"request_bytes":1,)"
      R"("response_bytes":18446744073709551615,"duration_us":1500,"upstream_us":1200,)"
      R"("route":"orders","upstream":"shop","endpoint":"10.0.0.1:80","retries":1,)"
      R"("problem":"upstream_reset","aborted":"client","user_agent":"curl/8",)"
      R"("referer":"https://a.example/b"})"
      "\n");
}

TEST(AccessLog, a_call_says_how_it_ended) {
  AccessRecord record = whole_record();
  record.grpc_status = 0;
  EXPECT_NE(line_of(record).find(R"("status":200,"grpc_status":0,"request_bytes")"), std::string::npos) << line_of(record);
}

TEST(AccessLog, leaves_out_what_is_not_there) {
  AccessRecord record;
  record.duration = -5us;  // a clock that went back
  EXPECT_EQ(line_of(record),
            R"({"time":"1970-01-01T00:00:00.000Z","client_ip":"-","status":0,"request_bytes":0,)"
            R"("response_bytes":0,"duration_us":0})"
            "\n");
}

TEST(AccessLog, queries_are_written_only_on_request) {
  EXPECT_EQ(line_of(whole_record()).find("secret"), std::string::npos);
  std::string line = line_of(whole_record(), {.query = true});
  EXPECT_NE(line.find(R"("query":"token=secret")"), std::string::npos) << line;
  EXPECT_NE(line.find(R"("referer":"https://a.example/b?token=secret#c")"), std::string::npos)
      << line;
}

TEST(AccessLog, hostile_bytes_cannot_leave_their_string) {
  const std::tuple<std::string, std::string> rows[] = {
      {"a\"b", R"(a\"b)"},
      {"a\\", R"(a\\)"},
      {"a\nb\r\t", R"(a\u000ab\u000d\u0009)"},
      {std::string("a\0b", 3), R"(a\u0000b)"},
      {"\x1f\x7f", R"(\u001f\u007f)"},
      {"1234567\"", R"(1234567\")"},  // at every place of a word of eight bytes
      {"12345678\"", R"(12345678\")"},
      {"\"2345678", R"(\"2345678)"},
      {"caf\xc3\xa9 \xf0\x9f\x98\x80", "caf\xc3\xa9 \xf0\x9f\x98\x80"},
      {"\xff\xfe", R"(\ufffd\ufffd)"},
      {"\xc0\xaf", R"(\ufffd\ufffd)"},  // overlong
      {"\xed\xa0\x80", R"(\ufffd\ufffd\ufffd)"},
      {"cut \xe2\x82", R"(cut \ufffd\ufffd)"},
      {"\x1b[31m", R"(\u001b[31m)"},
      {"~}!# ", "~}!# "},
  };
  for (const auto& [text, written] : rows) {
    AccessRecord record;
    record.user_agent = text;
    std::string line = line_of(record);
    EXPECT_TRUE(line.ends_with(R"(,"user_agent":")" + written + "\"}\n")) << line;
  }
}

TEST(AccessLog, every_byte_at_every_offset_gives_printable_output) {
  for (int byte = 0; byte < 256; ++byte) {
    for (size_t offset : {0, 3, 7, 8, 15}) {
      std::string text(17, 'x');
      text[offset] = static_cast<char>(byte);
      AccessRecord record;
      record.path = text;
      std::string line = line_of(record);
      ASSERT_EQ(line.find_first_of("\n"), line.size() - 1) << byte;
      for (char c : line.substr(0, line.size() - 1)) ASSERT_TRUE(c >= ' ' && c < 0x7f) << byte;
    }
  }
}

TEST(AccessLog, the_worst_line_is_cut_and_fits) {
  std::string text(100'000, '\x01');
  AccessRecord record = whole_record();
  record.request_id = record.trace_id = record.listener = record.method = record.authority =
      record.path = record.query = record.version = record.route = record.upstream =
          record.endpoint = record.problem = record.tls_version = record.user_agent =
              record.referer = text;
  std::string line = line_of(record, {.query = true});
  EXPECT_GT(line.size(), 50'000U);
  EXPECT_LE(line.size(), 64U * 1024);
  EXPECT_TRUE(line.ends_with("\\u0001...\"}\n"));
}

TEST(AccessLog, time_follows_the_clock_over_days_and_leap_years) {
  TimeText time;
  const struct {
    int64_t millis;
    const char* text;
  } rows[] = {
      {0, "1970-01-01T00:00:00.000Z"},
      {999, "1970-01-01T00:00:00.999Z"},
      {1'000, "1970-01-01T00:00:01.000Z"},
      {951'782'400'007, "2000-02-29T00:00:00.007Z"},
      {1'709'251'199'999, "2024-02-29T23:59:59.999Z"},
      {1'709'251'200'000, "2024-03-01T00:00:00.000Z"},
      {4'102'444'800'000, "2100-01-01T00:00:00.000Z"},
      {1'000, "1970-01-01T00:00:01.000Z"},  // and back
  };
  for (const auto& row : rows) {
    char out[TimeText::kBytes];
    EXPECT_EQ(time.write(out, WallTime(std::chrono::milliseconds(row.millis))), out + sizeof out);
    EXPECT_EQ(std::string(out, sizeof out), row.text);
  }
}

}  // namespace
}  // namespace sluice::observe

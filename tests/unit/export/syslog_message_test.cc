#include <gtest/gtest.h>

#include "export/syslog_message.h"
#include "observe/audit_frame.h"

namespace sluice::exporting {
namespace {

using observe::SyslogAddress;
using observe::SyslogFacility;

std::string record(const std::string& members) {
  return "{" + std::string(observe::kAuditHead) + members + std::string(observe::kAuditTail) + "}";
}
std::string message(const std::string& text, SyslogFacility facility = SyslogFacility::authpriv) {
  std::string out;
  append_syslog(out, text, facility, {"gate1", "4711"});
  return out;
}

TEST(SyslogMessage, is_of_rfc_5424_and_ends_in_the_record) {
  std::string text = record(R"(,"event":"request","time":"2026-11-21T02:42:20.123Z","decision":"allowed")");
  EXPECT_EQ(message(text), "<86>1 2026-11-21T02:42:20.123Z gate1 sluice 4711 audit - " + text);
}

TEST(SyslogMessage, severity_is_the_records) {
  struct Case {
    const char* members;
    const char* priority;
  };
  for (const Case& one : {
           Case{R"(,"event":"request","time":"2026-11-21T02:42:20.123Z","decision":"denied")", "<133>1 2"},
           {R"(,"event":"request","time":"2026-11-21T02:42:20.123Z","decision":"allowed","subject":",\"decision\":\"denied\"")", "<134>1 2"},
           {R"(,"event":"control","time":"2026-11-21T02:42:20.123Z","action":"reload")", "<133>1 2"},
           {R"(,"event":"break","time":"2026-11-21T02:42:20.123Z","reason":"x")", "<132>1 2"},
           {R"(,"event":"lost","time":"2026-11-21T02:42:20.123Z","records":3)", "<132>1 2"},
           {R"(,"event":"request","time":"2026)", "<134>1 - "},
           {"", "<134>1 - "},
       }) {
    EXPECT_TRUE(message(record(one.members), SyslogFacility::local0).starts_with(one.priority)) << one.members;
  }
  EXPECT_TRUE(message("").starts_with("<86>1 - "));
}

TEST(SyslogAddresses, read_as_they_are_written) {
  for (const char* text : {"unix:/dev/log", "udp://10.0.0.9:514", "tcp://logs.internal:601", "tcp://[fd00::1]:6514"}) {
    auto address = SyslogAddress::parse(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->to_string(), text);
  }
  EXPECT_EQ(SyslogAddress::parse("udp://10.0.0.9")->port, 514);
  EXPECT_EQ(SyslogAddress::parse("tcp://[fd00::1]")->port, 601);
  for (const char* text : {"", "/dev/log", "unix:", "udp://", "tcp://a b", "udp://h:0", "udp://h:65536", "tcp://[10.0.0.1]:1",
                           "tcp://fd00::1:6514", "http://a"}) {
    EXPECT_FALSE(SyslogAddress::parse(text)) << text;
  }
}

}  // namespace
}  // namespace sluice::exporting

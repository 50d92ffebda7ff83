#include "http/token.h"

#include <gtest/gtest.h>

#include <string>

#include "http/status.h"

namespace sluice::http {
namespace {

TEST(Method, names_go_both_ways) {
  for (int i = 1; i < kMethodCount; ++i) {
    auto method = static_cast<Method>(i);
    EXPECT_EQ(method_from(method_name(method)), method);
  }
  for (std::string_view name : {"", "get", "GETS", "QUERY", "unknown"}) {
    EXPECT_EQ(method_from(name), Method::unknown) << name;
  }
  EXPECT_EQ(method_name(Method::delete_), "DELETE");
}

TEST(Method, safe_ones_are_idempotent) {
  for (int i = 0; i < kMethodCount; ++i) {
    auto method = static_cast<Method>(i);
    EXPECT_TRUE(!is_safe(method) || is_idempotent(method)) << method_name(method);
  }
  EXPECT_TRUE(is_safe(Method::get));
  EXPECT_TRUE(is_idempotent(Method::put));
  EXPECT_TRUE(is_idempotent(Method::delete_));
  EXPECT_FALSE(is_safe(Method::delete_));
  for (Method method :
       {Method::post, Method::patch, Method::connect, Method::lock, Method::unknown}) {
    EXPECT_FALSE(is_idempotent(method)) << method_name(method);
  }
}

TEST(Token, characters_are_those_of_rfc_9110) {
  std::string_view marks = "!#$%&'*+-.^_`|~";
  for (int i = 0; i < 256; ++i) {
    char c = static_cast<char>(i);
    bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    EXPECT_EQ(is_token_char(c), alphanumeric || (c != 0 && marks.find(c) != marks.npos)) << i;
  }
  EXPECT_TRUE(is_token("X-a_1"));
  EXPECT_FALSE(is_token(""));
  EXPECT_FALSE(is_token("a b"));
}

TEST(FieldValue, holds_no_control_byte_but_tab) {
  for (int i = 0; i < 256; ++i) {
    char c = static_cast<char>(i);
    bool may = i == '\t' || (i >= 0x20 && i != 0x7f);
    EXPECT_EQ(is_field_value({&c, 1}), may) << i;
    for (size_t at = 0; at < 19; ++at) {
      std::string text = "a\t\xff ~\x80" "bcdefghijklmn";   // two words and a rest
      text[at] = c;
      EXPECT_EQ(is_field_value(text), may) << i << " at " << at;
      EXPECT_EQ(is_field_value(std::string_view(text).substr(0, at + 1)), may) << i << " of " << at + 1;
    }
  }
  EXPECT_TRUE(is_field_value(""));
}

TEST(Version, has_a_name) {
  EXPECT_EQ(version_name(Version::h1_0), "HTTP/1.0");
  EXPECT_EQ(version_name(Version::h1_1), "HTTP/1.1");
  EXPECT_EQ(version_name(Version::h2), "HTTP/2");
}

TEST(Status, has_a_reason_when_registered) {
  EXPECT_EQ(reason_phrase(200), "OK");
  EXPECT_EQ(reason_phrase(431), "Request Header Fields Too Large");
  EXPECT_EQ(reason_phrase(505), "HTTP Version Not Supported");
  EXPECT_EQ(reason_phrase(299), "");
  EXPECT_EQ(reason_phrase(0), "");
}

}  // namespace
}  // namespace sluice::http

#include "policy/cors/origin.h"

#include <gtest/gtest.h>

namespace sluice::policy {
namespace {

OriginSet set_of(const std::vector<std::string>& texts) {
  std::vector<config::Placed<OriginPattern>> patterns;
  for (const std::string& text : texts) {
    auto pattern = config::TextForm<OriginPattern>::parse(text);
    EXPECT_TRUE(pattern) << text;
    if (pattern) patterns.push_back({*pattern, {}});
  }
  return OriginSet(patterns);
}

TEST(Origin, is_kept_in_the_form_that_browsers_send) {
  const std::pair<const char*, const char*> kCases[] = {
      {"https://App.Example.com", "https://app.example.com"},
      {"https://a.example:443", "https://a.example"},
      {"http://a.example:80", "http://a.example"},
      {"http://a.example:443", "http://a.example:443"},
      {"https://*.a.example:8443", "https://*.a.example:8443"},
      {"http://[::1]:3000", "http://[::1]:3000"},
      {"capacitor://localhost", "capacitor://localhost"},
      {"*", "*"},
  };
  for (auto [text, kept] : kCases) {
    auto origin = config::TextForm<OriginPattern>::parse(text);
    ASSERT_TRUE(origin) << text;
    EXPECT_EQ(origin->text, kept);
  }
}

TEST(Origin, what_no_browser_sends_is_no_origin) {
  for (const char* text : {"", "app.example", "https://", "https://a.example/", "https://a.example?x", "//a.example",
                           "https://u@a.example", "https://a..example", "https://.a.example", "https://a.example.",
                           "https://a.example:", "https://a.example:0", "https://a.example:65536", "https://a b",
                           "https://a.example:08", "https://*", "https://*.com", "https://a.*.example", "https://*a.example",
                           "https://*.[::1]", "https://[::1", "https://[x]", "1s://a.example", "null", "https://a\r\nb"}) {
    EXPECT_FALSE(config::TextForm<OriginPattern>::parse(text)) << text;
  }
}

TEST(OriginSet, an_exact_origin_is_that_one_only) {
  OriginSet set = set_of({"https://app.example.com", "http://app.example.com:8080"});
  EXPECT_TRUE(set.allows("https://app.example.com"));
  EXPECT_TRUE(set.allows("http://app.example.com:8080"));
  for (const char* origin : {"", "null", "*", "http://app.example.com", "https://app.example.com:8443", "https://App.example.com",
                             "https://app.example.com.evil.example", "https://evilapp.example.com",
                             "https://a.app.example.com", "https://app.example.com/"}) {
    EXPECT_FALSE(set.allows(origin)) << origin;
  }
}

TEST(OriginSet, a_wildcard_is_every_name_below_and_not_itself) {
  OriginSet set = set_of({"https://*.partner.example", "http://*.localhost:3000"});
  EXPECT_TRUE(set.allows("https://a.partner.example"));
  EXPECT_TRUE(set.allows("https://a.b.partner.example"));
  EXPECT_TRUE(set.allows("http://x.localhost:3000"));
  for (const char* origin : {"https://partner.example", "https://.partner.example", "https://evilpartner.example",
                             "http://a.partner.example", "https://a.partner.example:8443", "http://x.localhost",
                             "https://evil.example/.partner.example", "https://evil.example#.partner.example",
                             "https://u:p@a.partner.example", "https://a..partner.example", "https://evil.example:1.partner.example",
                             "https://*.partner.example"}) {
    EXPECT_FALSE(set.allows(origin)) << origin;
  }
}

}  // namespace
}  // namespace sluice::policy

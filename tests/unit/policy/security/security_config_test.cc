#include "policy/security/security_config.h"

#include <gtest/gtest.h>

namespace sluice::policy {
namespace {

TEST(SecurityHeaders, presets_stand_for_themselves) {
  EXPECT_EQ(security_fields("api-strict").describe(),
            "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'; X-Content-Type-Options: nosniff; "
            "X-Frame-Options: DENY; Referrer-Policy: no-referrer; Cross-Origin-Resource-Policy: same-origin; "
            "Cache-Control: no-store");
  EXPECT_EQ(security_fields("web").describe(),
            "Content-Security-Policy: base-uri 'self'; frame-ancestors 'self'; object-src 'none'; X-Content-Type-Options: nosniff; "
            "X-Frame-Options: SAMEORIGIN; Referrer-Policy: strict-origin-when-cross-origin; "
            "Cross-Origin-Opener-Policy: same-origin-allow-popups; Cross-Origin-Resource-Policy: same-site");
  EXPECT_EQ(security_fields("none").describe(), "");
  for (const char* name : {"none", "web", "api-strict"}) EXPECT_TRUE(is_security_preset(name));
  for (const char* name : {"", "site", "Web", "api_strict"}) EXPECT_FALSE(is_security_preset(name));
}

TEST(SecurityHeaders, a_table_changes_its_preset) {
  SecurityConfig security;
  security.preset = SecurityPreset::web;
  security.csp.value = "default-src 'self'";
  auto& set = security.set.emplace_back();
  set.name = "x-frame-options";
  set.value.value = "DENY";
  auto& more = security.set.emplace_back();
  more.name = "Permissions-Policy";
  more.value.value = "camera=()";
  security.without = {{"cross-origin-opener-policy", {}}, {"Cross-Origin-Resource-Policy", {}}};
  EXPECT_EQ(security_fields(security).describe(),
            "X-Content-Type-Options: nosniff; Referrer-Policy: strict-origin-when-cross-origin; "
            "Content-Security-Policy: default-src 'self'; x-frame-options: DENY; Permissions-Policy: camera=()");
}

}  // namespace
}  // namespace sluice::policy

// What holds for every 1.x: a plugin of 1.0 finds everything where its header says it is.
#include <gtest/gtest.h>
#include <sluice/plugin.h>

#include <cstddef>

#include "plugin/host.h"
#include "plugin/plugin.h"
#include "unit/plugin/modules.h"
#include "unit/policy/call.h"

namespace frozen {
#undef SLUICE_ABI_MAJOR
#undef SLUICE_ABI_MINOR
#undef SLUICE_EXPORT
#define sluice_plugin_entry frozen_plugin_entry
#include "unit/plugin/modules/plugin_1_0.h"
#undef sluice_plugin_entry
}  // namespace frozen

namespace sluice::plugin {
namespace {

#define STAYS(table, member)                                                            \
  static_assert(offsetof(::table, member) == offsetof(frozen::table, member), #member); \
  static_assert(sizeof(::table::member) == sizeof(frozen::table::member), #member)

STAYS(sluice_text, data);
STAYS(sluice_text, size);
static_assert(sizeof(::sluice_text) == sizeof(frozen::sluice_text));
STAYS(sluice_host, size);
STAYS(sluice_host, abi_major);
STAYS(sluice_host, abi_minor);
STAYS(sluice_host, setting);
STAYS(sluice_host, setting_at);
STAYS(sluice_host, explain_failure);
STAYS(sluice_host, fact);
STAYS(sluice_host, request_header);
STAYS(sluice_host, memory);
STAYS(sluice_host, log);
STAYS(sluice_host, set_request_header);
STAYS(sluice_host, remove_request_header);
STAYS(sluice_host, reply);
STAYS(sluice_host, status);
STAYS(sluice_host, response_header);
STAYS(sluice_host, set_response_header);
STAYS(sluice_host, remove_response_header);
static_assert(sizeof(::sluice_host) >= sizeof(frozen::sluice_host));
STAYS(sluice_plugin, size);
STAYS(sluice_plugin, abi_major);
STAYS(sluice_plugin, abi_minor);
STAYS(sluice_plugin, name);
STAYS(sluice_plugin, version);
STAYS(sluice_plugin, create);
STAYS(sluice_plugin, destroy);
STAYS(sluice_plugin, on_request);
STAYS(sluice_plugin, on_response);
static_assert(sizeof(::sluice_plugin) >= sizeof(frozen::sluice_plugin));
static_assert(int{::SLUICE_LATE} == int{frozen::SLUICE_LATE});
static_assert(int{::SLUICE_FAIL} == int{frozen::SLUICE_FAIL});
static_assert(int{::SLUICE_FACT_REQUEST_ID} == int{frozen::SLUICE_FACT_REQUEST_ID});
static_assert(int{::SLUICE_LOG_ERROR} == int{frozen::SLUICE_LOG_ERROR});

/// The table of a gateway to come: one function more at the end.
struct LaterHost {
  sluice_host host;
  int32_t (*later)(sluice_request*);
};

LaterHost later_host() {
  LaterHost out{host_table(), nullptr};
  out.host.size = sizeof(LaterHost);
  out.host.abi_minor = 1;
  return out;
}

constexpr std::string_view kRequest =
    "GET /a/path HTTP/1.1\r\nHost: h\r\nX-Secret: s\r\nX_Secret: s\r\n\r\n";

/// Everything that the old plugin does, in the gateway whose table is `host`.
void use_old_plugin(const sluice_host& host) {
  auto plugin = Plugin::load("old", config_of(module("abi_1_0"), {{"color", {}, "green"}}), host);
  ASSERT_TRUE(plugin) << plugin.error().why;
  auto policy = make_policy(*plugin);
  EXPECT_EQ(policy->name(), "plugin old");
  EXPECT_EQ(policy->describe(), "old 1.0, ABI 1.0, request, response");
  policy::TestCall test(kRequest);
  EXPECT_EQ(policy->on_request(test.call).kind(), policy::Verdict::Kind::pass);
  EXPECT_EQ(test.fields(), "X-Old: 1.0");
  http::Head response(test.arena);
  response.status = 200;
  response.fields.add("Server", "secret/1.0");
  policy->on_response(test.call, response);
  EXPECT_EQ(test.text_of(response.fields), "X-Seen: /a/path");
}

TEST(PluginAbi, a_plugin_of_1_0_works_in_this_gateway) {
  use_old_plugin(host_table());
}

TEST(PluginAbi, a_plugin_of_1_0_works_in_a_gateway_of_1_1_with_a_longer_table) {
  static const LaterHost later = later_host();
  use_old_plugin(later.host);
}

TEST(PluginAbi, what_a_later_plugin_has_beyond_our_table_is_not_read) {
  // Its table is longer than ours and says 1.250: a gateway that has 1.250 takes it.
  auto library = Library::open(module("newer_minor"), 250);
  ASSERT_TRUE(library) << library.error().why;
  EXPECT_STREQ((*library)->table().name, "x");
}

}  // namespace
}  // namespace sluice::plugin

// [ip_list.NAME], and the `allow_ips` and `deny_ips` of a route or listener; a consumer has such an `allow_ips` too.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/ip.h"
#include "config/types.h"

namespace sluice::policy {

/// One of the two.
struct IpListConfig {
  std::vector<Cidr> addresses;
  config::FilePath file;
};

/// An element of allow_ips and deny_ips: a range, or the name of a list.
struct IpSource {
  std::string list;   // empty: the range
  Cidr range;
};

using IpSources = std::vector<config::Placed<IpSource>>;

struct IpFilterConfig {
  IpSources allow;   // empty: everybody who is not denied
  IpSources deny;

  bool empty() const { return allow.empty() && deny.empty(); }
};

std::span<const config::Field> config_fields(const IpListConfig*);
void config_check(const IpListConfig& list, const config::Value& table, config::Reader& reader);
/// Of a section that has kIpFilterFields: a list without elements would be read as none.
void check_ip_filter(const config::Value& table, config::Reader& reader);

}  // namespace sluice::policy

namespace sluice::config {

template <>
struct TextForm<policy::IpSource> {
  static constexpr std::string_view noun = "a range of addresses such as \"10.0.0.0/8\" or the name of an [ip_list.NAME]";
  static Result<policy::IpSource, TextError> parse(std::string_view text);
  static std::string print(const policy::IpSource& source) {
    return source.list.empty() ? source.range.to_string() : source.list;
  }
};

}  // namespace sluice::config

namespace sluice::policy {

/// For the sections that have them among their own keys.
inline constexpr config::Field kIpFilterFields[] = {
    config::field<&IpFilterConfig::allow>(
        {.name = "allow_ips",
         .about = "Only clients of these ranges and [ip_list.NAME]s; without it everybody who is not in deny_ips.",
         .example = "[\"office\", \"10.0.0.0/8\"]"}),
    config::field<&IpFilterConfig::deny>(
        {.name = "deny_ips",
         .about = "No clients of these ranges and [ip_list.NAME]s, also where allow_ips has them.",
         .example = "[\"blocked\", \"192.0.2.0/24\"]"}),
};

}  // namespace sluice::policy

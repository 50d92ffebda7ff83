// A route's `allow`: what must be true of whoever asks, once it is known who that is.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ip.h"
#include "config/template.h"
#include "config/types.h"
#include "policy/method_name.h"

namespace sluice::policy {

enum class Weekday : uint8_t { mon, tue, wed, thu, fri, sat, sun };

/// "08:30"; "24:00" is the end of the day.
struct TimeOfDay {
  std::chrono::minutes since_midnight{0};
};

/// "UTC" or "+01:00". Of no region: summer time is nobody's to guess here.
struct ZoneOffset {
  std::chrono::minutes ahead{0};
};

/// A window that comes back; one whose end is not after its begin goes over midnight, and belongs to the day that it
/// begins on.
struct AllowTime {
  std::vector<Weekday> days;   // empty: every day
  TimeOfDay from;
  TimeOfDay until{std::chrono::hours(24)};
  ZoneOffset zone;

  bool holds(WallTime now) const;
};

/// Everything that it names must hold.
struct AllowRule {
  config::Placed<std::string> name{};                  // in logs and the body of a 403; empty: by its place
  std::vector<std::string> scopes{};                   // all of them
  std::vector<std::string> roles{};                    // any of them, and so below
  std::vector<std::string> groups{};
  config::Map<std::vector<std::string>> claims{};      // each name, with any of its values
  std::vector<MethodName> methods{};
  config::Map<config::Placed<config::Fact>> path{};    // parameters that say who the client is
  std::vector<Cidr> ips{};
  std::optional<AllowTime> time{};

  bool empty() const {
    return scopes.empty() && roles.empty() && groups.empty() && claims.empty() && methods.empty() && path.empty() &&
           ips.empty() && !time;
  }
};

/// One rule written straight into the table, or several in `any`, of which one is enough.
struct AllowConfig {
  AllowRule rule;
  std::vector<AllowRule> any;
  bool shadow = false;

  /// Those that count.
  std::span<const AllowRule> rules() const { return any.empty() ? std::span(&rule, 1) : std::span(any); }
};

std::span<const config::Field> config_fields(const AllowTime*);
std::span<const config::Field> config_fields(const AllowRule*);
std::span<const config::Field> config_fields(const AllowConfig*);
constexpr std::string_view config_bare(const AllowConfig*) { return "any"; }
void config_check(const AllowRule& rule, const config::Value& table, config::Reader& reader);
void config_check(const AllowConfig& allow, const config::Value& table, config::Reader& reader);

}  // namespace sluice::policy

namespace sluice::config {

template <>
struct Choices<policy::Weekday> {
  static constexpr std::string_view names[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
};
template <>
struct TextForm<policy::TimeOfDay> {
  static constexpr std::string_view noun = "a time of day such as \"08:30\"";
  static constexpr std::string_view pattern = "([01][0-9]|2[0-3]):[0-5][0-9]|24:00";
  static Result<policy::TimeOfDay, TextError> parse(std::string_view text);
  static std::string print(const policy::TimeOfDay& time);
};
template <>
struct TextForm<policy::ZoneOffset> {
  static constexpr std::string_view noun = "\"UTC\" or an offset such as \"+01:00\"";
  static constexpr std::string_view pattern = "UTC|[+-](0[0-9]|1[0-4]):[0-5][0-9]";
  static Result<policy::ZoneOffset, TextError> parse(std::string_view text);
  static std::string print(const policy::ZoneOffset& zone);
};

}  // namespace sluice::config

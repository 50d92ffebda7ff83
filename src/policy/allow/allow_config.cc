#include "policy/allow/allow_config.h"

#include <algorithm>

#include "base/text.h"
#include "config/joined.h"

namespace sluice::policy {

using config::field;
using config::Field;
using config::IssueKind;

namespace {

constexpr IssueKind kAllowEmpty{"allow_empty"};
constexpr IssueKind kAllowBoth{"allow_both_forms"};
constexpr IssueKind kAllowFact{"allow_path_fact"};
constexpr IssueKind kAllowName{"allow_rule_name"};
constexpr IssueKind kAllowNever{"allow_never_holds"};

constexpr Field kTimeFields[] = {
    field<&AllowTime::days>(
        {.name = "days", .about = "Days of the week; without it every day.", .example = "[\"mon\", \"tue\"]"}),
    field<&AllowTime::from>({.name = "from", .about = "The first minute."}),
    field<&AllowTime::until>(
        {.name = "until", .about = "The first minute that is not allowed any more; not after `from`: of the next day."}),
    field<&AllowTime::zone>({.name = "zone",
                             .about = "How far the clock is ahead of UTC. Summer time is not known.",
                             .reason = "servers have no region"}),
};

constexpr Field kRuleFields[] = {
    field<&AllowRule::name>({.name = "name",
                             .about = "What logs, `explain` and the body of a 403 call the rule.",
                             .reason = "\"allow\", or \"allow.2\" for the second of a list",
                             .example = "\"own_orders\""}),
    field<&AllowRule::scopes>(
        {.name = "scopes", .about = "Scopes that the identity has, all of them.", .example = "[\"orders:read\"]"}),
    field<&AllowRule::roles>({.name = "roles", .about = "Roles, any of them.", .example = "[\"support\"]"}),
    field<&AllowRule::groups>(
        {.name = "groups", .about = "Groups of the consumer, any of them.", .example = "[\"partners\"]"}),
    field<&AllowRule::claims>({.name = "claims",
                               .about = "Claims, each with one of these values; a claim that is a list has one of them in it.",
                               .example = "{ tenant = [\"gold\", \"silver\"] }"}),
    field<&AllowRule::methods>(
        {.name = "methods", .about = "Methods, any of them; GET brings HEAD.", .example = "[\"GET\"]"}),
    field<&AllowRule::path>({.name = "path",
                             .about = "Parameters of match.path that equal what is known of the client: identity, "
                                      "consumer or claim.NAME.",
                             .example = "{ user_id = \"claim.sub\" }"}),
    field<&AllowRule::ips>(
        {.name = "ips", .about = "Addresses of the client, any of these ranges.", .example = "[\"10.0.0.0/8\"]"}),
    field<&AllowRule::time>({.name = "time",
                             .about = "A window of the week.",
                             .example = "{ days = [\"mon\", \"tue\"], from = \"08:00\", until = \"18:00\" }"}),
};

constexpr Field kOwnFields[] = {
    field<&AllowConfig::any>({.name = "any",
                              .about = "Several rules, of which one is enough; allow = [...] is short for it.",
                              .example = "[{ roles = [\"support\"] }, { path = { user_id = \"claim.sub\" } }]"}),
    field<&AllowConfig::shadow>({.name = "shadow",
                                 .about = "Whoever would be refused passes, is logged and counted.",
                                 .reason = "rules are there to hold"}),
};

constexpr auto kRule = config::within<&AllowConfig::rule, kRuleFields>();
constexpr auto kAllowFields = config::joined<kRule, kOwnFields>();

void check_facts(const AllowRule& rule, config::Reader& reader) {
  for (const auto& item : rule.path) {
    if (item.value.at.line == 0 || item.value.value.needs_identity()) continue;
    reader.issues().add(kAllowFact, item.value.at, "a client could say this of himself").note =
        "compare with identity, consumer or claim.NAME";
  }
}

// It goes into logs and answers as it is.
void check_name(const config::Placed<std::string>& name, config::Reader& reader) {
  auto plain = [](char c) { return is_alpha(c) || is_digit(c) || c == '_' || c == '-' || c == '.'; };
  if (name.at.line == 0) return;   // none
  if (!name.value.empty() && name.value.size() <= config::kNameBytesMax && std::ranges::all_of(name.value, plain)) return;
  reader.issues().add(kAllowName, name.at, "bad name " + config::quoted(name.value) + " of a rule").note =
      "a name has letters, digits, _ - and ., at most " + std::to_string(config::kNameBytesMax);
}

// No identity has such a thing, so the rule holds for nobody.
void check_holds_for_somebody(const config::Value& table, config::Reader& reader) {
  auto add = [&](config::Position at, std::string text, std::string note) {
    reader.issues().add(kAllowNever, at, std::move(text)).note = std::move(note);
  };
  if (const config::Entry* claims = table.find("claims")) {
    for (const config::Entry& claim : claims->value.entries) {
      bool empty = claim.value.kind == config::Value::Kind::list && claim.value.items.empty();
      if (empty) add(claim.value.at, "no value of " + config::quoted(claim.name) + " would do: nobody would pass", "");
    }
  }
  const config::Entry* scopes = table.find("scopes");
  if (scopes == nullptr) return;
  auto check_scope = [&](const config::Value& scope) {
    if (scope.text.find(' ') == std::string::npos) return;
    add(scope.at, config::quoted(scope.text) + " is no scope: nobody would pass", "a scope has no blanks: write each by itself");
  };
  check_scope(scopes->value);   // a list of one may be written without brackets
  for (const config::Value& scope : scopes->value.items) check_scope(scope);
}

void add_empty(config::Position at, config::Reader& reader) {
  reader.issues().add(kAllowEmpty, at, "this asks for nothing: everybody would pass").note =
      "leave `allow` out where it is enough to be known";
}

// A list without elements, from a template say, must not make the rule a wider one.
void check_not_empty(const AllowRule& rule, const config::Value& table, config::Reader& reader) {
  bool asks = false;   // whatever is wrong with it has been told
  for (const config::Entry& entry : table.entries) {
    asks |= entry.name != "name" && entry.name != "shadow";
    const config::Value& value = entry.value;
    bool empty = (value.kind == config::Value::Kind::list && value.items.empty() && entry.name != "any") ||
                 (value.is_table() && value.entries.empty());
    if (empty) add_empty(value.at, reader);
  }
  if (rule.empty() && !asks) add_empty(table.at, reader);
}

}  // namespace

std::span<const Field> config_fields(const AllowTime*) {
  return kTimeFields;
}
std::span<const Field> config_fields(const AllowRule*) {
  return kRuleFields;
}
std::span<const Field> config_fields(const AllowConfig*) {
  return kAllowFields;
}

void config_check(const AllowRule& rule, const config::Value& table, config::Reader& reader) {
  check_name(rule.name, reader);
  check_not_empty(rule, table, reader);
  check_holds_for_somebody(table, reader);
  check_facts(rule, reader);
}

void config_check(const AllowConfig& allow, const config::Value& table, config::Reader& reader) {
  const config::Entry* any = table.find("any");
  if (any == nullptr) return config_check(allow.rule, table, reader);
  if (!allow.rule.empty())
    reader.issues().add(kAllowBoth, any->at, "rules stand in `any`, or one beside it, not both");
  if (allow.any.empty()) add_empty(any->value.at, reader);
}

bool AllowTime::holds(WallTime now) const {
  using namespace std::chrono;
  auto local = floor<minutes>(now) + zone.ahead;
  auto day = floor<std::chrono::days>(local);
  auto minute = local - day;
  auto on = [&](sys_days date) {
    auto index = weekday(date).iso_encoding() - 1;   // Monday is the first
    return days.empty() || std::find(days.begin(), days.end(), static_cast<Weekday>(index)) != days.end();
  };
  if (from.since_midnight < until.since_midnight)
    return minute >= from.since_midnight && minute < until.since_midnight && on(day);
  if (minute >= from.since_midnight) return on(day);
  return minute < until.since_midnight && on(day - std::chrono::days(1));
}

}  // namespace sluice::policy

namespace sluice::config {

namespace {

// "08:30". gives: minutes, or -1
int clock_minutes(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') return -1;
  for (size_t i : {0, 1, 3, 4}) {
    if (!is_digit(text[i])) return -1;
  }
  int minutes = (text[3] - '0') * 10 + text[4] - '0';
  return minutes > 59 ? -1 : ((text[0] - '0') * 10 + text[1] - '0') * 60 + minutes;
}

std::string clock_text(int minutes) {
  std::string out = "00:00";
  out[0] = static_cast<char>('0' + minutes / 600);
  out[1] = static_cast<char>('0' + minutes / 60 % 10);
  out[3] = static_cast<char>('0' + minutes % 60 / 10);
  out[4] = static_cast<char>('0' + minutes % 10);
  return out;
}

}  // namespace

Result<policy::TimeOfDay, TextError> TextForm<policy::TimeOfDay>::parse(std::string_view text) {
  int minutes = clock_minutes(text);
  if (minutes < 0 || minutes > 24 * 60) return TextError{"hours and minutes, 00:00 to 24:00", 0};
  return policy::TimeOfDay{std::chrono::minutes(minutes)};
}

std::string TextForm<policy::TimeOfDay>::print(const policy::TimeOfDay& time) {
  return clock_text(static_cast<int>(time.since_midnight.count()));
}

Result<policy::ZoneOffset, TextError> TextForm<policy::ZoneOffset>::parse(std::string_view text) {
  if (text == "UTC") return policy::ZoneOffset{};
  int minutes = text.empty() ? -1 : clock_minutes(text.substr(1));
  if (minutes < 0 || minutes > 14 * 60 || (text[0] != '+' && text[0] != '-'))
    return TextError{"names of zones are not known: +01:00, at most 14 hours", 0};
  return policy::ZoneOffset{std::chrono::minutes(text[0] == '-' ? -minutes : minutes)};
}

std::string TextForm<policy::ZoneOffset>::print(const policy::ZoneOffset& zone) {
  auto minutes = static_cast<int>(zone.ahead.count());
  if (minutes == 0) return "UTC";
  return (minutes < 0 ? "-" : "+") + clock_text(minutes < 0 ? -minutes : minutes);
}

}  // namespace sluice::config

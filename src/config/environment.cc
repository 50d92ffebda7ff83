#include "config/environment.h"

#include <algorithm>
#include <cstdlib>

#include "base/text.h"

namespace sluice::config {

namespace {

constexpr IssueKind kEnvironmentUnset{"environment_unset"};
constexpr IssueKind kEnvironmentSyntax{"environment_syntax"};

bool is_variable_name(std::string_view name) {
  return !name.empty() && !is_digit(name[0]) && std::all_of(name.begin(), name.end(), [](char c) {
    return is_alpha(c) || is_digit(c) || c == '_';
  });
}

void add_syntax_issue(std::string_view what, const Value& value, Issues& issues) {
  issues.add(kEnvironmentSyntax, value.at, std::string(what) + " in " + quoted(value.text)).hint =
      "${NAME} is of the environment, $$ a dollar; facts of a request stand in braces: {ip}";
}

// Appends what ${body} stands for. gives: false when an issue was added
bool expand_variable(std::string_view body, const Value& value, Environment environment,
                     Issues& issues, std::string& out) {
  size_t colon = body.find(":-");
  std::string_view name = body.substr(0, colon);
  if (!is_variable_name(name)) {
    add_syntax_issue("a dollar that begins no ${NAME}", value, issues);
    return false;
  }
  if (std::optional<std::string> found = environment(name)) {
    out += *found;
    return true;
  }
  if (colon != std::string_view::npos) {
    out += body.substr(colon + 2);
    return true;
  }
  Issue& issue =
      issues.add(kEnvironmentUnset, value.at,
                 "environment variable " + quoted(name) + " is not set and has no default");
  issue.hint = "a default is written ${" + printable(name) + ":-value}";
  return false;
}

void give_up(Value& value) {
  value.broken = true;
  value.text.clear();
}

void expand_text(Value& value, Environment environment, Issues& issues) {
  std::string_view rest = value.text;
  std::string out;
  for (size_t dollar = rest.find('$'); dollar != std::string_view::npos; dollar = rest.find('$')) {
    out += rest.substr(0, dollar);
    rest.remove_prefix(dollar + 1);
    if (rest.starts_with('$')) {
      out += '$';
      rest.remove_prefix(1);
      continue;
    }
    size_t end = rest.find('}');
    if (!rest.starts_with('{') || end == std::string_view::npos) {
      bool open = rest.starts_with('{');
      add_syntax_issue(open ? "${ without its }" : "a dollar that begins no ${NAME}", value, issues);
      return give_up(value);
    }
    if (!expand_variable(rest.substr(1, end - 1), value, environment, issues, out))
      return give_up(value);
    rest.remove_prefix(end + 1);
  }
  value.text = out + std::string(rest);
}

}  // namespace

std::optional<std::string> process_environment(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

void expand_environment(Value& value, Environment environment, Issues& issues) {
  if (value.kind == Value::Kind::string) {
    if (value.text.find('$') != std::string::npos) expand_text(value, environment, issues);
    return;
  }
  for (Value& item : value.items) expand_environment(item, environment, issues);
  for (Entry& entry : value.entries) expand_environment(entry.value, environment, issues);
}

}  // namespace sluice::config

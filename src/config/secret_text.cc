#include "config/secret_text.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/text.h"

namespace sluice::config {

namespace {

constexpr size_t kBytesLookedAt = 1024;     // no message shows more of a value or a line
constexpr size_t kCredentialBytesMin = 8;   // shorter ones are words of a sentence

size_t count_leading(std::string_view text, bool (*belongs)(char)) {
  auto end = std::find_if_not(text.begin(), text.end(), belongs);
  return static_cast<size_t>(end - text.begin());
}

bool is_word(char c) { return is_alpha(c) || is_digit(c); }
bool is_name(char c) { return is_word(c) || c == '_' || c == '-'; }
/// RFC 9110 section 11.2: token68
bool is_token68(char c) { return is_word(c) || std::string_view("-._~+/=").find(c) != std::string_view::npos; }
bool is_authority(char c) { return std::string_view("/?# \t\"'").find(c) == std::string_view::npos; }

std::string lowered(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), ascii_lower);
  return out;
}

/// Whether one of the places behind `mark` is as `test` says.
template <class Test>
bool any_behind(std::string_view text, std::string_view mark, Test test) {
  for (size_t at = text.find(mark); at != text.npos; at = text.find(mark, at + 1)) {
    if (test(text.substr(at + mark.size()))) return true;
  }
  return false;
}

bool has_login(std::string_view text) {
  return any_behind(text, "://", [](std::string_view rest) {
    return rest.substr(0, count_leading(rest, &is_authority)).find('@') != rest.npos;
  });
}

bool has_credentials(std::string_view text) {
  auto behind = [](std::string_view rest) { return count_leading(rest, &is_token68) >= kCredentialBytesMin; };
  return any_behind(text, "bearer ", behind) || any_behind(text, "basic ", behind);
}

bool names_a_secret(std::string_view name) {
  constexpr std::array kNames = {"password", "passwd", "passphrase", "secret", "token", "api_key", "api-key", "apikey"};
  return std::ranges::any_of(kNames, [&](std::string_view one) { return name.ends_with(one); });
}

/// The value of `name = "value"` or `name=value`: not where it is found, nor a table, list, flag or number.
bool is_written_out(std::string_view value) {
  value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
  if (value.starts_with('"') || value.starts_with('\'')) value.remove_prefix(1);
  for (std::string_view elsewhere : {"env:", "file:", "credential:", "{", "[", "$", "\"", "'", "true", "false"}) {
    if (value.starts_with(elsewhere)) return false;
  }
  return !value.empty();
}

bool has_assignment(std::string_view text) {
  for (size_t at = text.find('='); at != text.npos; at = text.find('=', at + 1)) {
    std::string_view name = text.substr(0, at);
    while (!name.empty() && (name.back() == ' ' || name.back() == '\t' || name.back() == '"')) name.remove_suffix(1);
    auto begin = std::find_if_not(name.rbegin(), name.rend(), &is_name);
    name.remove_prefix(static_cast<size_t>(name.rend() - begin));
    if (names_a_secret(name) && is_written_out(text.substr(at + 1))) return true;
  }
  return false;
}

}  // namespace

bool holds_secret(std::string_view text) {
  text = text.substr(0, kBytesLookedAt);
  constexpr size_t kKeyBytesMin = 16;   // ours have 46 behind slk_; a part of one is one too
  auto is_key = [](std::string_view rest) { return count_leading(rest, &is_word) >= kKeyBytesMin; };
  std::string lower = lowered(text);
  return any_behind(text, "slk_", is_key) || text.find("PRIVATE KEY-----") != text.npos || has_login(text) ||
         has_credentials(lower) || has_assignment(lower);
}

}  // namespace sluice::config

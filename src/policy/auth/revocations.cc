#include "policy/auth/revocations.h"

#include <algorithm>

#include "base/json.h"
#include "base/text.h"

namespace sluice::policy {
namespace {

constexpr double kSecondsMax = 253'402'300'799.0;   // the year 9999

}  // namespace

std::string Revocations::take(std::string_view line, JsonReader& reader) {
  Result<JsonValue> entry = reader.read(line);
  if (!entry) return entry.error().code == Code::too_large ? "longer than 4 KiB" : entry.error().what;
  if (!entry->is_object()) return "no JSON object";
  std::optional<std::string_view> id, subject;
  std::optional<double> before;
  for (JsonMembers each = entry->members(); each.next();) {
    if (each.name() == "jti") id = each.value().string();
    else if (each.name() == "sub") subject = each.value().string();
    else if (each.name() == "before") before = each.value().number();
    // A typing error must not let a token pass.
    else return "unknown member \"" + printable(each.name()) + "\"";
  }
  if (entry->member("before") && (!before || *before < 0 || *before > kSecondsMax || !subject))
    return "\"before\" is a number of seconds since 1970 and goes with \"sub\"";
  if (id.has_value() == subject.has_value() || id == "" || subject == "")
    return "needs one of \"jti\" and \"sub\", a text";
  if (id) {
    ids_.emplace(*id);
    return {};
  }
  WallTime moment = before
      ? WallTime(std::chrono::milliseconds(static_cast<int64_t>(*before * 1000)))
      : WallTime::max();
  auto [place, fresh] = subjects_.try_emplace(std::string(*subject), moment);
  if (!fresh) place->second = std::max(place->second, moment);
  return {};
}

Result<Revocations, std::string> Revocations::read(std::string_view text) {
  if (text.size() > kRevocationBytesMax) return std::string("more than 16 MiB");
  Revocations list;
  JsonReader reader(kRevocationLineMax);
  for (size_t number = 1; !text.empty(); ++number) {
    size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    line = trim_ows(line);
    if (line.empty() || line.front() == '#') continue;
    std::string fault = list.take(line, reader);
    if (!fault.empty()) return "line " + std::to_string(number) + ": " + fault;
  }
  return list;
}

bool Revocations::revoked(const TokenNames& token) const {
  if (!token.id.empty() && ids_.contains(token.id)) return true;
  if (token.subject.empty() || subjects_.empty()) return false;
  auto subject = subjects_.find(token.subject);
  if (subject == subjects_.end()) return false;
  return !token.issued || *token.issued < subject->second;
}

}  // namespace sluice::policy

#include "policy/signature/message_verifier.h"

namespace sluice::policy {
namespace {

std::optional<std::string> owned(const std::optional<std::string_view>& text) {
  return text ? std::optional<std::string>(*text) : std::nullopt;
}

/// Is `part` of a target contained in the derived component `whole`?
bool holds(std::string_view whole, std::string_view part) {
  if (part == "@path" || part == "@query" || part == "@query-param")
    return whole == "@target-uri" || whole == "@request-target" ||
           (whole == "@query" && part == "@query-param");
  return whole == "@target-uri" && (part == "@scheme" || part == "@authority");
}

}  // namespace

Result<RequiredComponent> RequiredComponent::parse(std::string_view text) {
  constexpr Error kBad{Code::bad_value, Side::gateway, Progress::unsent,
                       "no component of a request"};
  BlockPool pool;
  Arena arena(pool);
  std::string quoted = text.starts_with('"') ? std::string(text) : '"' + std::string(text) + '"';
  Result<StructuredItem> item = parse_item(quoted, arena);
  std::optional<Component> component = item ? component_from(*item) : std::nullopt;
  if (!component) return kBad;
  RequiredComponent out;
  out.name_ = component->name;
  out.strict_ = component->strict;
  out.as_bytes_ = component->as_bytes;
  out.key_ = owned(component->key);
  out.query_name_ = owned(component->query_name);
  return out;
}

bool RequiredComponent::protected_by(const Component& covered) const {
  if (covered.name != name_) return holds(covered.name, name_);
  if (!strict_ && !as_bytes_ && !key_ && !query_name_) return !covered.key;
  return strict_ == covered.strict && as_bytes_ == covered.as_bytes && key_ == covered.key &&
         query_name_ == covered.query_name;
}

}  // namespace sluice::policy

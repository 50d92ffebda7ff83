// One part of a request that a signature covers: a field, or something derived from the first line
// (RFC 9421 section 2).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "policy/signature/signed_message.h"
#include "policy/signature/structured_field.h"

namespace sluice::policy {

/// A covered field longer than this is not read: the largest header block is 64 KiB.
inline constexpr size_t kCoveredFieldBytesMax = 64 * 1024;

/// The identifier of a component. Views what it was read from.
struct Component {
  std::string_view name;   // a field's in lower case, or "@method" and so on
  bool strict = false;                   // "sf": a structured field in its one spelling
  bool as_bytes = false;                 // "bs"
  std::optional<std::string_view> key;   // "key": a member of a dictionary
  std::optional<std::string_view> query_name;   // "name" of @query-param, encoded

  bool operator==(const Component&) const = default;
  bool is_derived() const { return name.starts_with('@'); }
};

/// Reads the identifier of a component of a request.
/// gives: nothing for what no request has (@status, "req", trailers), parameters that are not known
/// or do not go together, names with capital letters
std::optional<Component> component_from(const StructuredItem& item);

/// Appends the component's value in the message, without the end of its line.
/// gives: false when the message does not have it, or not in a form that can be signed: then `out`
/// has some of it
bool append_component_value(const Component& component, const SignedMessage& message,
                            std::string& out);

}  // namespace sluice::policy

// A request as its signer saw it: the target as received, never the canonical one.
#pragma once

#include <optional>
#include <string_view>

#include "http/message.h"

namespace sluice::policy {

/// What of a request signatures cover.
struct SignedMessage {
  const http::Head& head;
  /// As the client spoke: of its own connection, or as a trusted proxy says.
  http::Scheme scheme = http::Scheme::http;
};

std::string_view scheme_name(http::Scheme scheme);

/// A body may come: not so where there is none, or where it is known to be empty.
inline bool has_content(const http::Head& head) {
  return head.body != http::Body::none && head.content_length != 0;
}

/// head.target taken apart, in origin or absolute form.
struct TargetParts {
  std::string_view path;    // "/" where the target has none
  std::string_view query;   // without "?"
  bool has_query = false;
  bool is_absolute = false;
};
TargetParts split_target(const http::Head& head);

/// All fields of one name, each trimmed, joined by ", " (RFC 9110 section 5.3); host and
/// content-length, which no request has among its fields here, as the codec read them.
/// needs: `name` in lower case
/// gives: nothing when there is none, or when they are longer than `bytes_max` together; text of
/// the request or of its arena
std::optional<std::string_view> whole_field(const http::Head& head, std::string_view name,
                                            size_t bytes_max);

}  // namespace sluice::policy

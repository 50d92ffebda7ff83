// One answer of Redis as a tree of views, and what its errors mean. Knows no sockets.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace sluice::redis {

/// Valid only during the call that it is given to: keep copies, not views.
struct Reply {
  enum class Type : uint8_t { nil, status, error, integer, text, array };
  Type type = Type::nil;
  int64_t integer = 0;             // of integers
  std::string_view text{};         // of statuses ("OK"), errors ("WRONGTYPE ...") and texts
  std::span<const Reply> items{};  // of arrays

  bool is(Type wanted) const { return type == wanted; }
};

/// What an error reply means for us, by its first word.
enum class ErrorKind : uint8_t {
  none,
  command,        // this command is at fault: WRONGTYPE, ERR, EXECABORT, a script's own error
  denied,         // our user may not do this (ACL)
  no_script,      // the script must be sent again
  moved, ask,     // another node of the cluster has the slot
  try_again,      // the slot is on its way
  // Redis cannot do its work now: the same as being away, for who decides what to do instead.
  loading, read_only, master_down, cluster_down, out_of_memory, busy, write_stopped,
  no_auth,        // no password, or a wrong one
};

/// `text` of an error reply, with or without the code in front.
ErrorKind error_kind(std::string_view text);
std::string_view error_kind_name(ErrorKind kind);
/// Redis itself is unwell (not this command alone): counts against it as a timeout does.
bool is_unfit(ErrorKind kind);

/// Where a slot is: "MOVED 3999 10.0.0.5:6381", "ASK 3999 host:6381".
struct Redirect {
  uint16_t slot = 0;
  std::string_view host;   // may be empty: the node that said so, on another port
  uint16_t port = 0;
};
/// gives: nothing when the text is none
std::optional<Redirect> parse_redirect(std::string_view text);

}  // namespace sluice::redis

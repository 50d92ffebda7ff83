// What went wrong, as a value: whose fault it is and how far the exchange had gone, so that retry and
// reply can decide without knowing who noticed. Not a message for users: http/problem.h has those.
#pragma once

#include <cstdint>
#include <string_view>

namespace sluice {

enum class Side : uint8_t { gateway, client, upstream };

/// How much of a request had left the socket when the error was noticed (retry looks at this).
enum class Progress : uint8_t { unsent, sent, answered };

/// Stable names of failures; `code_name` gives the spelling used in logs and metrics.
enum class Code : uint8_t {
  none,
  // the connection
  closed,              // orderly end where none was due
  reset,               // RST, EPIPE, abortive close
  connect_refused,
  connect_timeout,
  connect_failed,      // unreachable, no route, address not available
  resolve_failed,
  timeout,             // a deadline passed, ours or the kernel's
  stalled,             // the peer takes no bytes, or opens no window for them, within our patience
  tls_failed,
  client_certificate,  // none, or one that could not be verified
  not_taken,           // the other side says that it has done nothing with it
  truncated,           // ended before its announced length (or without close_notify)
  proxy_protocol,
  // the bytes
  bad_message,
  bad_value,
  too_large,
  unsupported,
  // the gateway
  cancelled,           // our own decision: the other side has gone
  overloaded,
  no_endpoint,
  internal,
};

std::string_view code_name(Code code);

/// The gateway ended it, for want of memory or at the end of a drain: nobody else is to blame.
constexpr bool is_own_doing(Code code) { return code == Code::overloaded || code == Code::cancelled; }

struct Error {
  Code code = Code::none;
  Side side = Side::gateway;
  Progress progress = Progress::unsent;
  const char* what = "";   // static text, for the error log only

  explicit operator bool() const { return code != Code::none; }
};

}  // namespace sluice

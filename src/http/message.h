// The head of a request or response in the one normal form that router, policies, log and upstream share,
// whatever HTTP version it came by. Framing and hop-by-hop fields are not among `fields`: the codec turns
// them into the facts below and writes them anew for the other side.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "http/fields.h"
#include "http/token.h"

namespace sluice::http {

enum class End : bool { no, yes };
enum class Scheme : uint8_t { http, https };

/// How the body is delimited on the wire it came by.
enum class Body : uint8_t {
  none,       // no body at all (no framing field in a request; 204, 304, reply to HEAD in a response)
  length,     // content_length bytes
  streamed,   // chunked, or HTTP/2 without content-length
  to_close,   // HTTP/1 response that ends with its connection
};

/// As Upgrade, and :protocol in HTTP/2, name it (RFC 6455 section 4.1, RFC 8441 section 5).
inline constexpr std::string_view kWebSocket = "websocket";

struct Head {
  explicit Head(Arena& arena) : fields(arena) {}

  // Both
  Fields fields;
  /// Declared length; set also where no body follows (reply to HEAD, 304).
  std::optional<uint64_t> content_length;
  Body body = Body::none;
  Version version = Version::h1_1;
  /// The sender will take another message on this connection (HTTP/1 only).
  bool keep_alive = true;
  /// Protocol named by Upgrade, when Connection lists it, or by :protocol in HTTP/2; empty otherwise. The codec writes it
  /// for the other side (of responses, with 101 and 426 only): who does not want that clears it. An extended CONNECT of
  /// HTTP/2 (RFC 8441) is told as the GET that it is in HTTP/1.
  std::string_view upgrade;

  // Request
  Method method = Method::unknown;
  Scheme scheme = Scheme::http;
  bool expect_continue = false;
  /// "TE: trailers" was given: the sender takes trailers in the response.
  bool takes_trailers = false;
  bool has_query = false;
  /// Target is "*" (OPTIONS only); path is then "*".
  bool asterisk = false;
  /// Lower-case host[:port] from the target or Host; empty only for HTTP/1.0 without Host.
  std::string_view authority;
  /// Host part of authority, without port; IPv6 keeps its brackets.
  std::string_view host;
  /// Canonical path, always starting with "/".
  std::string_view path;
  /// As received, without "?"; never rewritten.
  std::string_view query;
  /// The target as received (signature policies, log of refused requests).
  std::string_view target;

  // Response
  uint16_t status = 0;
  std::string_view reason;
  /// Keep-Alive: timeout=N; how long the sender keeps an idle connection (HTTP/1 only).
  std::optional<uint32_t> keep_alive_seconds;
};

}  // namespace sluice::http

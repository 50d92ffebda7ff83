// The opening handshake of a WebSocket, as the gateway holds both sides to it. Pure functions.
// Source: RFC 6455 section 4, RFC 8441 section 5.
#pragma once

#include <string_view>

#include "base/hash.h"
#include "http/message.h"
#include "http/problem.h"
#include "http/ws_deflate.h"
#include "route/route_config.h"

namespace sluice::proxy {

/// gives: null when the request opens a WebSocket, by GET or by the extended CONNECT of HTTP/2 (RFC 8441); else what it
/// is answered
const http::Problem* check_websocket_request(const http::Head& request);

/// A new one. gives: text of the arena
std::string_view websocket_key(Random& random, Arena& arena);

/// What the upstream must answer to the request's key. gives: text of the arena
std::string_view websocket_accept(const http::Head& request, Arena& arena);

/// Whether a 101 answers that request: anything else must not become a tunnel.
bool is_websocket_response(const http::Head& response, std::string_view accept);

/// Where messages are looked at: leaves of the extensions that a request offers those that the gateway can read.
void limit_extensions(http::Head& request, const route::WebSocketConfig& config);

/// What the two sides agreed on. `request`: as the upstream got it
/// gives: nothing when that is none of the gateway's, or what must not become a tunnel
std::optional<http::WsDeflate> agreed_extensions(const http::Head& request, const http::Head& response,
                                                 const route::WebSocketConfig& config);

}  // namespace sluice::proxy

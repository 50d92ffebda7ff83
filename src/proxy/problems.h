// The problems that the proxy itself answers with.
#pragma once

#include "http/problem.h"

namespace sluice::proxy {

using http::Problem;

inline constexpr Problem kNoRoute{404, "no_route", "Not Found",
    "No route is configured for this host and path."};
inline constexpr Problem kMethodNotAllowed{405, "method_not_allowed", "Method Not Allowed",
    "The path exists, but not for this method. The Allow field lists the methods that it takes."};
inline constexpr Problem kMisdirected{421, "misdirected", "Misdirected Request",
    "The request is for another host than the one that this TLS connection was made to."};
inline constexpr Problem kOverloaded{503, "overloaded", "Service Unavailable",
    "The gateway has reached its connection limit. Try again shortly.", true};
inline constexpr Problem kAddressBusy{503, "too_many_connections", "Service Unavailable",
    "This address has too many connections to the gateway. Close some, or try again shortly.", true};
inline constexpr Problem kMemoryFull{503, "memory_full", "Service Unavailable",
    "The gateway has no memory for another request at present. Try again shortly.", true};
inline constexpr Problem kUpstreamBusy{503, "upstream_busy", "Service Unavailable",
    "The service behind this route has reached its limit of requests in flight. Try again shortly."};
inline constexpr Problem kNoEndpoint{503, "no_endpoint", "Service Unavailable",
    "No server of the service behind this route can take the request at present."};
inline constexpr Problem kUpstreamUnhealthy{503, "upstream_unhealthy", "Service Unavailable",
    "No server of the service behind this route passes its health checks at present. Try again shortly."};
inline constexpr Problem kUpstreamUnresolved{503, "upstream_unresolved", "Service Unavailable",
    "The address of the service behind this route could not be found."};
inline constexpr Problem kUpstreamUnreachable{502, "upstream_unreachable", "Bad Gateway",
    "The service behind this route refused the connection or could not be reached."};
inline constexpr Problem kUpstreamConnectTimeout{504, "upstream_connect_timeout", "Gateway Timeout",
    "The service behind this route did not accept a connection in time."};
inline constexpr Problem kUpstreamTls{502, "upstream_tls", "Bad Gateway",
    "A secure connection to the service behind this route could not be made."};
inline constexpr Problem kUpstreamTimeout{504, "upstream_timeout", "Gateway Timeout",
    "The service behind this route did not answer in time."};
inline constexpr Problem kDeadlineExceeded{504, "deadline_exceeded", "Deadline Exceeded",
    "The time that the call was given by grpc-timeout is over."};
inline constexpr Problem kUpstreamClosed{502, "upstream_closed", "Bad Gateway",
    "The service behind this route closed the connection before it answered."};
inline constexpr Problem kUpstreamCancelled{502, "upstream_cancelled", "Bad Gateway",
    "The service behind this route has cancelled the request."};
inline constexpr Problem kUpstreamExhausted{502, "upstream_exhausted", "Bad Gateway",
    "The service behind this route refused the request because there were too many."};
inline constexpr Problem kUpstreamBadResponse{502, "upstream_bad_response", "Bad Gateway",
    "The service behind this route sent a response that is not valid HTTP."};
inline constexpr Problem kRewriteFailed{400, "rewrite_failed", "Bad Request",
    "What this route would forward, or redirect to, cannot be made of this request."};
inline constexpr Problem kUpgradeRequired{426, "upgrade_required", "Upgrade Required",
    "This path is for WebSockets: ask for one with Upgrade: websocket."};
inline constexpr Problem kWebSocketVersion{426, "websocket_version", "Upgrade Required",
    "Of the WebSocket protocol this path takes version 13 only."};
inline constexpr Problem kBadWebSocketHandshake{400, "bad_websocket_handshake", "Bad WebSocket Handshake",
    "A WebSocket is asked for by GET without a body, with one Sec-WebSocket-Key of 16 bytes in Base64."};
inline constexpr Problem kUpstreamUpgrade{502, "upstream_bad_upgrade", "Bad Gateway",
    "The service behind this route switched to something other than the WebSocket that was asked for."};
inline constexpr Problem kUpstreamNoTunnels{502, "upstream_no_websockets", "Bad Gateway",
    "The service behind this route speaks HTTP/2 and has not offered WebSockets over it."};
inline constexpr Problem kBadGrpcWebBody{400, "bad_grpc_web_body", "Malformed gRPC-Web Body",
    "A body of application/grpc-web-text is base64, each piece with its padding."};
inline constexpr Problem kControlForbidden{403, "control_forbidden", "Forbidden",
    "The control socket serves root and the user that the gateway runs as, nobody else."};

inline constexpr const Problem* kProblems[] = {
    &kNoRoute, &kMethodNotAllowed, &kMisdirected, &kOverloaded, &kAddressBusy, &kMemoryFull, &kUpstreamBusy, &kNoEndpoint, &kUpstreamUnhealthy, &kUpstreamUnresolved,
    &kUpstreamUnreachable, &kUpstreamConnectTimeout, &kUpstreamTls, &kUpstreamTimeout, &kDeadlineExceeded, &kUpstreamClosed,
    &kUpstreamCancelled, &kUpstreamExhausted, &kUpstreamBadResponse, &kRewriteFailed, &kUpgradeRequired,
    &kWebSocketVersion, &kBadWebSocketHandshake,
    &kUpstreamUpgrade, &kUpstreamNoTunnels, &kBadGrpcWebBody, &kControlForbidden};

}  // namespace sluice::proxy

// What a gateway has to know of gRPC: which requests are gRPC's, how long they may take, and how to refuse one in its
// own terms. Messages are bodies like any other. Source: the gRPC over HTTP/2 protocol, PROTOCOL-HTTP2.md.
#pragma once

#include <optional>
#include <string_view>

#include "base/clock.h"
#include "http/message.h"
#include "http/problem.h"

namespace sluice::proxy {

/// Content-Type is application/grpc, or that with a "+" and a format. Not gRPC-Web.
bool is_grpc(const http::Head& request);

/// What a client asks for above this is no deadline any more.
inline constexpr Duration kGrpcTimeoutMax = std::chrono::hours(24);   // a timer's longest; a stream of a day has its idle timeouts

/// grpc-timeout: at most 8 digits and a unit. gives: nothing for what is none
std::optional<Duration> grpc_timeout(const http::Fields& fields);

/// The code in decimal that tells a gRPC client what `problem` would have told another.
std::string_view grpc_status(const http::Problem& problem);

/// Percent-encoded, as grpc-message is; `text` is visible ASCII.
std::string_view grpc_message(std::string_view text, Arena& arena);

}  // namespace sluice::proxy

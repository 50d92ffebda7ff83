// What a gateway has to know of gRPC: how long calls may take, and how to refuse one in its own terms. Which requests
// are calls says http::is_grpc(). Messages are bodies like any other. Source: the gRPC over HTTP/2 protocol,
// PROTOCOL-HTTP2.md.
#pragma once

#include <optional>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "http/message.h"
#include "http/problem.h"

namespace sluice::proxy {

/// How a request speaks gRPC. The forms of gRPC-Web say what its response is written in.
enum class GrpcForm : uint8_t { none, grpc, web, web_text };

/// What a client asks for above this is no deadline any more.
inline constexpr Duration kGrpcTimeoutMax = std::chrono::hours(24);   // a timer's longest; a stream of a day has its idle timeouts

/// grpc-timeout: at most 8 digits and a unit. gives: nothing for what is none
std::optional<Duration> grpc_timeout(const http::Fields& fields);

/// As Content-Type and Accept name gRPC-Web; gRPC itself: http::kGrpcType.
inline constexpr std::string_view kGrpcWebType = "application/grpc-web";
inline constexpr std::string_view kGrpcWebTextType = "application/grpc-web-text";

/// Of a response that the gateway makes.
std::string_view grpc_content_type(GrpcForm form);

/// The code that tells a gRPC client what this status would have told another.
uint8_t grpc_code(uint16_t status);

/// What a call that the gateway ends says.
struct GrpcStatus {
  uint8_t code;
  std::string_view message;
};
GrpcStatus grpc_status_of(const http::Problem& problem);

/// Why nothing comes of a response any more, when its upstream has failed with `why`.
const http::Problem& broken_off(const Error& why);

/// In decimal. needs: a code of gRPC
std::string_view grpc_code_text(uint8_t code);

/// What `grpc-status` says. gives: 2 (UNKNOWN) for what is none, nothing when it is not there
std::optional<uint8_t> grpc_status(const http::Fields& fields);

/// Adds grpc-status and grpc-message.
void add_grpc_status(uint8_t code, std::string_view message, http::Fields& fields);

/// Percent-encoded, as grpc-message is; `text` is visible ASCII.
std::string_view grpc_message(std::string_view text, Arena& arena);

/// "package.Service/Method" of such a path. gives: nothing when it is of another form
std::string_view grpc_method(std::string_view path);

}  // namespace sluice::proxy

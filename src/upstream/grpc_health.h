// The two messages of grpc.health.v1.Health/Check, framed as gRPC frames them: too small to ask protobuf for. Knows no
// HTTP; a server's answer may be anything.
// Source: github.com/grpc/grpc/blob/master/doc/health-checking.md, PROTOCOL-HTTP2.md, protobuf's encoding guide.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::upstream {

inline constexpr std::string_view kGrpcHealthPath = "/grpc.health.v1.Health/Check";

/// HealthCheckResponse.ServingStatus; `other`: one that is not in the definition.
enum class ServingStatus : uint8_t { unknown, serving, not_serving, service_unknown, other };
/// "SERVING"
std::string_view serving_status_name(ServingStatus status);

/// The body of a call that asks about `service`.
std::string grpc_health_request(std::string_view service);
/// What the body of its answer says. gives: nothing when it is not one uncompressed message of the right shape
std::optional<ServingStatus> read_grpc_health(std::string_view body);

}  // namespace sluice::upstream

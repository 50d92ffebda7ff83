// What a request signed by AWS's Signature Version 4 says of its signature, in the Authorization
// field or in the query (a presigned URL). Reads it and believes nothing; aws_verifier.h judges.
// Source: "AWS Signature Version 4 for API requests", IAM User Guide.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "http/problem.h"
#include "policy/signature/signed_message.h"

namespace sluice::policy {

inline constexpr size_t kAwsAuthorizationBytesMax = 4096;
inline constexpr size_t kAwsCredentialBytesMax = 256;
inline constexpr size_t kAwsSignedFieldsMax = 64;
inline constexpr size_t kAwsQueryParametersMax = 256;
inline constexpr uint32_t kAwsExpiresMax = 604'800;   // seconds: the seven days that AWS allows

inline constexpr std::string_view kAwsUnsignedPayload = "UNSIGNED-PAYLOAD";

struct AwsSignature {
  bool is_there = false;
  bool is_presigned = false;
  std::string access_key;
  std::string scope;       // "20150830/us-east-1/iam/aws4_request"
  std::string date, region, service;
  std::string signed_fields;                     // as given: "host;x-amz-date"
  std::string time;                              // "20150830T123600Z"
  WallTime at;
  std::chrono::seconds expires{0};               // presigned only
  std::string signature;                         // 64 hex digits
  std::string payload_hash;                      // 64 hex digits or UNSIGNED-PAYLOAD; or empty
};

/// gives: null, with `out.is_there` false when the request has no such signature; otherwise why it
/// cannot be read
const http::Problem* read_aws_signature(const http::Head& head, AwsSignature& out);

/// "20150830T123600Z". gives: nothing for any other form, or a day that does not exist
std::optional<WallTime> parse_aws_time(std::string_view text);

/// The text that a signature is of, all but its hash (section "Create a canonical request").
/// gives: false when the request lacks a field that it says is signed, or when one that must be is
/// not: Host and every X-Amz-* field
bool append_aws_canonical_request(const AwsSignature& signature, const SignedMessage& message,
                                  std::string& out);

}  // namespace sluice::policy

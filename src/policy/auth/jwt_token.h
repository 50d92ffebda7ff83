// Reads the compact form of a signed token (RFC 7515 section 7.1). Takes it apart and decodes it,
// believes nothing: who signed it is jwt_keys.h's to find out, what it says jwt_claims.h's.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "http/problem.h"
#include "policy/auth/jwt_algorithm.h"

namespace sluice::policy {

/// Before anything is decoded. Real tokens are 0.5 to 4 KiB; a header block is 32 KiB by default.
inline constexpr size_t kTokenBytesMax = 16 * 1024;

/// Views the reader that read it and the text that it read.
struct JwtToken {
  JwtAlgorithm algorithm = JwtAlgorithm::rs256;
  std::optional<std::string_view> key_id;
  std::optional<std::string_view> type;   // "typ"
  std::string_view signed_part;           // "header.payload" as received
  std::string_view signature;             // decoded
};

/// Reads one token after the other, keeping its memory. One thread's.
class JwtReader {
 public:
  JwtReader() : header_json_(kTokenBytesMax), payload_json_(kTokenBytesMax) {}

  /// Three parts, base64url without padding, a header that says what it needs to and demands nothing
  /// ("crit"). jku, jwk, x5u and x5c are not looked at.
  /// gives: null, and `token` is set until the next call; otherwise why not
  const http::Problem* read(std::string_view text, JwtToken& token);
  /// Reads the payload of the token that was read last: after its signature was verified.
  const http::Problem* read_claims(JsonValue& claims);

 private:
  const http::Problem* read_header(JwtToken& token);

  JsonReader header_json_;
  JsonReader payload_json_;
  std::string header_;
  std::string payload_;
  std::string signature_;
};

}  // namespace sluice::policy

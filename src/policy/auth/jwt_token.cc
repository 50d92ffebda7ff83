#include "policy/auth/jwt_token.h"

#include <algorithm>

#include "base/base64url.h"
#include "policy/auth/jwt_problems.h"

namespace sluice::policy {

const http::Problem* JwtReader::read(std::string_view text, JwtToken& token) {
  if (text.size() > kTokenBytesMax) return &kTokenTooLarge;
  // Five parts are an encrypted token, four or more of anything else nothing that is known.
  size_t first = text.find('.');
  size_t second = first == text.npos ? text.npos : text.find('.', first + 1);
  if (second == text.npos || text.find('.', second + 1) != text.npos) return &kTokenMalformed;
  if (!decode_base64url(text.substr(0, first), header_) ||
      !decode_base64url(text.substr(first + 1, second - first - 1), payload_) ||
      !decode_base64url(text.substr(second + 1), signature_) || signature_.empty()) {
    return &kTokenMalformed;
  }
  token.signed_part = text.substr(0, second);
  token.signature = signature_;
  return read_header(token);
}

const http::Problem* JwtReader::read_header(JwtToken& token) {
  Result<JsonValue> header = header_json_.read(header_);
  if (!header || !header->is_object()) return &kTokenMalformed;
  auto text_of = [&](std::string_view name, std::optional<std::string_view>& out) {
    auto member = header->member(name);
    out = member ? member->string() : std::nullopt;
    return !member || out;   // another type than a string is no header
  };
  std::optional<std::string_view> algorithm;
  if (!text_of("alg", algorithm) || !text_of("kid", token.key_id) || !text_of("typ", token.type))
    return &kTokenMalformed;
  // No extension is known here, so one that must be understood is not (RFC 7515 section 4.1.11).
  // "b64" counts only where "crit" names it; a token that has it anyway means to be read otherwise.
  if (header->member("crit") || header->member("b64")) return &kTokenMalformed;
  std::optional<JwtAlgorithm> known = algorithm ? jwt_algorithm_from(*algorithm) : std::nullopt;
  if (!known) return algorithm ? &kTokenAlgorithm : &kTokenMalformed;
  token.algorithm = *known;
  return nullptr;
}

const http::Problem* JwtReader::read_claims(JsonValue& claims) {
  Result<JsonValue> payload = payload_json_.read(payload_);
  if (!payload || !payload->is_object()) return &kTokenMalformed;
  claims = *payload;
  return nullptr;
}

}  // namespace sluice::policy

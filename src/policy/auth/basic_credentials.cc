#include "policy/auth/basic_credentials.h"

#include "base/base64.h"
#include "base/text.h"
#include "crypto/password.h"
#include "policy/auth/user_table.h"

namespace sluice::policy {
namespace {

/// RFC 7617 section 2: no control characters; section 2.1: the charset that the challenge asks for.
bool is_clean_utf8(std::string_view text) {
  while (!text.empty()) {
    auto byte = static_cast<unsigned char>(text.front());
    size_t size = utf8_sequence(text);
    if (size == 0 || byte < 0x20 || byte == 0x7f) return false;
    text.remove_prefix(size);
  }
  return true;
}

}  // namespace

std::optional<BasicCredentials> BasicCredentials::parse(std::string_view text) {
  constexpr size_t kBytesMax = kUserBytesMax + 1 + crypto::kPasswordBytesMax;
  if (text.size() > (kBytesMax + 2) / 3 * 4) return std::nullopt;
  std::string decoded;
  bool good = decode_base64(text, decoded);
  crypto::Secret whole(std::move(decoded));
  std::string_view pair = whole.bytes();
  size_t colon = pair.find(':');
  if (!good || colon == pair.npos || !is_clean_utf8(pair)) return std::nullopt;
  if (colon > kUserBytesMax || pair.size() - colon - 1 > crypto::kPasswordBytesMax) return std::nullopt;
  return BasicCredentials{std::string(pair.substr(0, colon)), crypto::Secret(std::string(pair.substr(colon + 1)))};
}

std::optional<std::string_view> after_basic(std::string_view value) {
  constexpr std::string_view kBasic = "Basic";
  if (!starts_with_ignore_case(value, kBasic)) return std::nullopt;
  value.remove_prefix(kBasic.size());
  if (!value.empty() && value.front() != ' ' && value.front() != '\t') return std::nullopt;
  return trim_ows(value);
}

}  // namespace sluice::policy

// Base64url without padding (RFC 4648 section 5, RFC 7515 section 2), strict: one text for one
// sequence of bytes, so that two spellings never name the same token or key.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sluice {

/// Decodes the whole text into `out`, whose old content goes.
/// gives: false for any byte outside the alphabet ("=", blanks and line ends too), an impossible
/// length, or bits beyond the last byte that are not zero
bool decode_base64url(std::string_view text, std::string& out);

std::string encode_base64url(std::string_view bytes);

}  // namespace sluice

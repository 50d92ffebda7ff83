// Base64 with padding (RFC 4648 section 4), strict: one text for one sequence of bytes. Tokens have
// the other alphabet: base64url.h.
#pragma once

#include <string>
#include <string_view>

namespace sluice {

/// Decodes the whole text into `out`, whose old content goes.
/// gives: false for any byte outside the alphabet, missing or surplus padding, or bits beyond the
/// last byte that are not zero
bool decode_base64(std::string_view text, std::string& out);

void append_base64(std::string_view bytes, std::string& out);

}  // namespace sluice

// Base64 with padding (RFC 4648 section 4), strict: one text for one sequence of bytes. Tokens have
// the other alphabet: base64url.h.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sluice {

inline constexpr std::string_view kBase64Alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Decodes the whole text into `out`, whose old content goes.
/// gives: false for any byte outside the alphabet, missing or surplus padding, or bits beyond the
/// last byte that are not zero
bool decode_base64(std::string_view text, std::string& out);

/// The size of the text for so many bytes.
constexpr size_t base64_size(size_t bytes) { return (bytes + 2) / 3 * 4; }
/// Writes base64_size(bytes.size()) bytes at `out`. gives: the end
char* write_base64(std::string_view bytes, char* out);
void append_base64(std::string_view bytes, std::string& out);

}  // namespace sluice

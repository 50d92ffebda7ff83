// The small vocabularies of RFC 9110: methods, versions, characters of tokens and values.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace sluice::http {

/// The methods that Sluice forwards (RFC 9110 section 9.3, RFC 5789, WebDAV's). Others are 501.
enum class Method : uint8_t {
  unknown, get, head, post, put, delete_, patch, options, trace, connect,
  propfind, proppatch, mkcol, copy, move, lock, unlock, report, search, purge,
};
inline constexpr int kMethodCount = 20;

/// gives: Method::unknown for anything else; names are case-sensitive
Method method_from(std::string_view name);
std::string_view method_name(Method method);
/// RFC 9110 section 9.2.2.
bool is_idempotent(Method method);
/// RFC 9110 section 9.2.1.
bool is_safe(Method method);

enum class Version : uint8_t { h1_0, h1_1, h2 };
std::string_view version_name(Version version);   // "HTTP/1.1"

/// tchar of RFC 9110 section 5.6.2.
inline constexpr auto kTokenChars = [] {
  std::array<bool, 256> table{};
  for (char c : std::string_view("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                                 "ABCDEFGHIJKLMNOPQRSTUVWXYZ")) {
    table[static_cast<unsigned char>(c)] = true;
  }
  return table;
}();
inline bool is_token_char(char c) { return kTokenChars[static_cast<unsigned char>(c)]; }
bool is_token(std::string_view text);
/// A field value that may go on the wire: no control bytes but HTAB, no DEL (RFC 9110 section 5.5).
bool is_field_value(std::string_view text);

}  // namespace sluice::http

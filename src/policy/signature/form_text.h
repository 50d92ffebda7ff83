// Percent-encoding, two dialects: that of HTML forms (RFC 9421 section 2.2.8) and AWS's.
#pragma once

#include <string>
#include <string_view>

namespace sluice::policy {

/// Appends a name or value of a query, decoded as a form's and encoded again: letters, digits,
/// "*-._" as they are, all else %XX, also the space. A "%" without two hex digits stands for
/// itself.
void append_form_text(std::string_view encoded, std::string& out);

/// Appends it decoded and encoded again by RFC 3986: letters, digits and "-._~" as they are. "+"
/// stands for itself.
void append_uri_text(std::string_view encoded, std::string& out);

/// gives: decoded by RFC 3986; "+" stands for itself
std::string percent_decoded(std::string_view encoded);

}  // namespace sluice::policy

#include "policy/signature/form_text.h"

#include "base/text.h"

namespace sluice::policy {
namespace {

/// Calls visit(byte) for each byte of what is encoded.
template <class Visit>
void each_decoded(std::string_view encoded, Visit visit) {
  for (size_t i = 0; i < encoded.size(); ++i) {
    if (encoded[i] == '%' && i + 2 < encoded.size()) {
      int high = hex_value(encoded[i + 1]);
      int low = hex_value(encoded[i + 2]);
      if (high >= 0 && low >= 0) {
        visit(static_cast<char>(high << 4 | low), true);
        i += 2;
        continue;
      }
    }
    visit(encoded[i], false);
  }
}

void append_encoded(char c, std::string& out) {
  constexpr char kHex[] = "0123456789ABCDEF";
  auto byte = static_cast<unsigned char>(c);
  out += '%';
  out += kHex[byte >> 4];
  out += kHex[byte & 15];
}

bool is_kept(char c, std::string_view others) {
  return is_alpha(c) || is_digit(c) || others.find(c) != others.npos;
}

}  // namespace

void append_form_text(std::string_view encoded, std::string& out) {
  each_decoded(encoded, [&](char c, bool was_encoded) {
    if (c == '+' && !was_encoded) c = ' ';
    if (is_kept(c, "*-._")) out += c;
    else append_encoded(c, out);
  });
}

void append_uri_text(std::string_view encoded, std::string& out) {
  each_decoded(encoded, [&](char c, bool) {
    if (is_kept(c, "-._~")) out += c;
    else append_encoded(c, out);
  });
}

std::string percent_decoded(std::string_view encoded) {
  std::string out;
  each_decoded(encoded, [&](char c, bool) { out += c; });
  return out;
}

}  // namespace sluice::policy

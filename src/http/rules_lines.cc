// The part of rules.h that cuts start lines. llhttp parses them too; both must agree, and ours is
// the stricter: one space where one is due, and no version but 1.0 and 1.1.
#include "base/text.h"
#include "http/h1_problems.h"
#include "http/rules.h"

namespace sluice::http {

namespace {

/// "HTTP/" digit "." digit. gives: nullptr when it is one that Sluice speaks
const Problem* read_version(std::string_view text, Version& version) {
  if (text.size() != 8 || !text.starts_with("HTTP/") || text[6] != '.' || !is_digit(text[5]) ||
      !is_digit(text[7])) {
    return &kBadRequestLine;
  }
  if (text[5] != '1' || text[7] > '1') return &kUnsupportedVersion;
  version = text[7] == '1' ? Version::h1_1 : Version::h1_0;
  return nullptr;
}

}  // namespace

const Problem* split_request_line(std::string_view line, RequestLine& out) {
  size_t first = line.find(' ');
  out.method = line.substr(0, first);
  if (first == std::string_view::npos || !is_token(out.method)) return &kBadRequestLine;
  size_t last = line.rfind(' ');
  bool has_version = last != first;
  out.target = line.substr(first + 1, has_version ? last - first - 1 : std::string_view::npos);
  if (out.target.empty() || out.target.find(' ') != std::string_view::npos) return &kBadRequestLine;
  if (!has_version) return &kUnsupportedVersion;   // "GET /" is HTTP/0.9
  return read_version(line.substr(last + 1), out.version);
}

bool split_status_line(std::string_view line, StatusLine& out) {
  if (line.size() < 12 || line[8] != ' ' || read_version(line.substr(0, 8), out.version))
    return false;
  for (size_t i = 9; i < 12; ++i) {
    if (!is_digit(line[i])) return false;
    out.status = static_cast<uint16_t>(out.status * 10 + (line[i] - '0'));
  }
  if (out.status < 100 || (line.size() > 12 && line[12] != ' ')) return false;
  out.reason = line.substr(line.size() > 12 ? 13 : 12);
  return is_field_value(out.reason);
}

}  // namespace sluice::http

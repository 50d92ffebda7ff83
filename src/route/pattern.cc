#include "route/pattern.h"

#include <algorithm>

#include "base/text.h"

namespace sluice::route {
namespace {

constexpr char kHex[] = "0123456789ABCDEF";

bool is_unreserved(unsigned char c) {
  return is_alpha(static_cast<char>(c)) || is_digit(static_cast<char>(c)) || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

// pchar of RFC 3986 section 3.3 without "%"; "*" has a meaning of its own in a pattern.
bool is_plain(unsigned char c) {
  return is_unreserved(c) ||
         std::string_view("!$&'()+,;=:@").find(static_cast<char>(c)) != std::string_view::npos;
}

void append_encoded(std::string& out, unsigned char byte) {
  out += '%';
  out += kHex[byte >> 4];
  out += kHex[byte & 15];
}

PatternError refuse(size_t position, std::string text) {
  return {position, std::move(text)};
}

std::string why_not(char c) {
  switch (c) {
    case '?':
      return "a path has no query: that is match.query";
    case '#':
      return "a path has no fragment: clients never send one";
    case '*':
      return "a star stands only as the last segment, /**; one segment is {name}";
    case '{':
    case '}':
      return "a parameter is a whole segment, /{name}/";
    default:
      return "'" + printable({&c, 1}) + "' cannot stand in a path: write it %-encoded";
  }
}

// Appends the byte that the %-sequence at text[at] stands for, in canonical form.
// gives: why it has none; empty when it has
std::string append_sequence(std::string& out, std::string_view text, size_t at) {
  int high = at + 1 < text.size() ? hex_value(text[at + 1]) : -1;
  int low = at + 2 < text.size() ? hex_value(text[at + 2]) : -1;
  if (high < 0 || low < 0) return "'%' needs two hex digits";
  auto byte = static_cast<unsigned char>(high * 16 + low);
  if (byte < 0x20 || byte == 0x7f) return "requests with control bytes are refused";
  if (byte == '\\') return "requests with an encoded backslash are refused";
  if (is_unreserved(byte)) {
    out += static_cast<char>(byte);
  } else {
    append_encoded(out, byte);
  }
  return {};
}

// Also "..;x", which http/uri.h refuses: it climbs for those who cut path parameters off first.
bool is_dots(std::string_view segment) {
  size_t dots = segment.substr(0, 2) == ".." ? 2 : segment.substr(0, 1) == "." ? 1 : 0;
  std::string_view rest = segment.substr(dots);
  return dots > 0 && (rest.empty() || rest[0] == ';' || rest.substr(0, 3) == "%3B");
}

Result<std::string, PatternError> canonical_literal(std::string_view text, size_t offset) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    auto c = static_cast<unsigned char>(text[i]);
    if (c == '%') {
      std::string problem = append_sequence(out, text, i);
      if (!problem.empty()) return refuse(offset + i, std::move(problem));
      i += 2;
    } else if (is_plain(c)) {
      out += text[i];
    } else if (c >= 0x80) {
      append_encoded(out, c);  // written in UTF-8; on the wire it is always encoded
    } else {
      return refuse(offset + i, why_not(text[i]));
    }
  }
  if (is_dots(out)) return refuse(offset, "requests never hold dot segments");
  return out;
}

bool is_param_name(std::string_view name) {
  return !name.empty() && !is_digit(name[0]) && std::all_of(name.begin(), name.end(), [](char c) {
    return is_alpha(c) || is_digit(c) || c == '_';
  });
}

Result<Pattern::Segment, PatternError> parse_segment(std::string_view text, size_t offset) {
  if (text == Pattern::kRest) return Pattern::Segment{Pattern::Kind::rest, std::string(text)};
  if (text.empty() || text[0] != '{') {
    Result<std::string, PatternError> literal = canonical_literal(text, offset);
    if (!literal) return literal.error();
    return Pattern::Segment{Pattern::Kind::literal, std::move(*literal)};
  }
  size_t close = text.find('}');
  if (close == std::string_view::npos) return refuse(offset, "'{' without '}'");
  if (close + 1 != text.size()) return refuse(offset + close + 1, why_not('}'));
  std::string_view name = text.substr(1, close - 1);
  if (!is_param_name(name)) {
    return refuse(offset + 1, "a parameter's name is letters, digits and _, no digit first");
  }
  return Pattern::Segment{Pattern::Kind::param, std::string(name)};
}

}  // namespace

Result<Pattern, PatternError> Pattern::parse(std::string_view text) {
  Pattern pattern;
  pattern.text_ = text;
  if (text == "*") {
    pattern.segments_.push_back({Kind::asterisk, "*"});
    return pattern;
  }
  if (text.empty() || text[0] != '/') return refuse(0, "a path starts with /");
  for (size_t at = 1; at <= text.size();) {
    size_t end = std::min(text.find('/', at), text.size());
    bool last = end == text.size();
    if (end == at && !last) return refuse(at, "an empty segment: requests with // have no match");
    if (pattern.segments_.size() == kSegmentsMax) return refuse(at, "more than 64 segments");
    Result<Segment, PatternError> segment = parse_segment(text.substr(at, end - at), at);
    if (!segment) return segment.error();
    if (segment->kind == Kind::rest && !last) return refuse(at, "** stands only at the end");
    if (segment->kind != Kind::literal) {
      if (pattern.param_index(segment->text)) {
        return refuse(at + 1, "parameter {" + segment->text + "} is named twice");
      }
      if (pattern.params_.size() == kParamsMax) return refuse(at, "more than 16 parameters");
      pattern.params_.push_back(segment->text);
    }
    pattern.segments_.push_back(std::move(*segment));
    at = end + 1;
  }
  return pattern;
}

std::optional<size_t> Pattern::param_index(std::string_view name) const {
  auto at = std::find(params_.begin(), params_.end(), name);
  if (at == params_.end()) return std::nullopt;
  return static_cast<size_t>(at - params_.begin());
}

}  // namespace sluice::route

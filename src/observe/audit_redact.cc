#include "observe/audit_redact.h"

#include <algorithm>
#include <span>
#include <utility>

#include "base/check.h"
#include "base/text.h"

namespace sluice::observe {
namespace {

using Kind = AuditRedaction::Kind;

constexpr std::pair<std::string_view, Kind> kPrefixes[] = {
    {"path.", Kind::path}, {"query.", Kind::query}, {"header.", Kind::header}, {"claim.", Kind::claim}};

/// One name of a pointer: "~1" is a slash, "~0" a tilde.
std::optional<std::string> unescaped(std::string_view token) {
  std::string out;
  for (size_t i = 0; i < token.size(); ++i) {
    if (token[i] != '~') {
      out += token[i];
      continue;
    }
    if (++i == token.size() || (token[i] != '0' && token[i] != '1')) return std::nullopt;
    out += token[i] == '0' ? '~' : '/';
  }
  return out;
}

std::optional<AuditRedaction::Name> parse_pointer(std::string_view text) {
  AuditRedaction::Name out{Kind::claim, {}, {}};
  while (!text.empty()) {
    text.remove_prefix(1);   // the slash
    std::string_view token = text.substr(0, text.find('/'));
    text.remove_prefix(token.size());
    auto name = unescaped(token);
    if (!name || out.inside.size() == AuditRedaction::kDepthMax) return std::nullopt;
    out.inside.push_back(*std::move(name));
  }
  out.name = std::move(out.inside.front());
  out.inside.erase(out.inside.begin());
  if (out.name.empty()) return std::nullopt;
  return out;
}

/// Walks a JSON text on the way that a pointer names. Strict enough to know where each value ends.
class JsonRedactor {
 public:
  using Way = std::span<const std::string>;
  JsonRedactor(std::string_view text, std::string& out) : text_(text), out_(out) {}

  bool run(Way way) {
    skip_space();
    if (peek() != '{' && peek() != '[') return false;
    if (!value(way)) return false;
    skip_space();
    return at_ == text_.size();
  }

 private:
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void skip_space() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }
  static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
  bool take(char c) {
    skip_space();
    if (peek() != c) return false;
    ++at_;
    out_ += c;
    return true;
  }

  // Depth is bounded by the way's length.
  bool value(Way way) {
    skip_space();
    size_t begin = at_;
    if (way.empty()) {
      if (!skip_value()) return false;
      out_.append("\"").append(kRedacted).append("\"");
      return true;
    }
    if (peek() == '{') return members(way);
    if (peek() == '[') return elements(way);
    if (!skip_value()) return false;
    out_.append(text_.substr(begin, at_ - begin));
    return true;
  }

  bool members(Way way) {
    take('{');
    if (take('}')) return true;
    do {
      skip_space();
      size_t begin = at_;
      if (!skip_string()) return false;
      std::string_view name = text_.substr(begin, at_ - begin);
      if (name.find('\\') != name.npos) return false;
      out_.append(name);
      if (!take(':') || !branch(name.substr(1, name.size() - 2) == way.front(), way)) return false;
    } while (take(','));
    return take('}');
  }

  bool elements(Way way) {
    take('[');
    if (take(']')) return true;
    size_t index = 0;
    do {
      if (!branch(std::to_string(index++) == way.front(), way)) return false;
    } while (take(','));
    return take(']');
  }

  bool branch(bool on_the_way, Way way) {
    if (on_the_way) return value(way.subspan(1));
    skip_space();
    size_t begin = at_;
    if (!skip_value()) return false;
    out_.append(text_.substr(begin, at_ - begin));
    return true;
  }

  bool skip_string() {
    if (peek() != '"') return false;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '"') return ++at_, true;
      if (text_[at_] == '\\') ++at_;
    }
    return false;
  }

  bool skip_value() {
    size_t depth = 0;
    do {
      char c = peek();
      if (c == '"') {
        if (!skip_string()) return false;
      } else if (c == '{' || c == '[') {
        ++depth;
        ++at_;
      } else if (c == '}' || c == ']') {
        if (depth == 0) return false;
        --depth;
        ++at_;
      } else if (depth > 0 && (c == ',' || c == ':' || is_space(c))) {
        ++at_;
      } else if (!skip_word()) {
        return false;
      }
    } while (depth > 0);
    return true;
  }

  // A number, true, false or null.
  bool skip_word() {
    size_t begin = at_;
    auto in_word = [](char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '+' || c == '.' || c == 'E'; };
    while (at_ < text_.size() && in_word(text_[at_])) ++at_;
    return at_ > begin;
  }

  std::string_view text_;
  std::string& out_;
  size_t at_ = 0;
};

}  // namespace

std::optional<AuditRedaction::Name> AuditRedaction::Name::parse(std::string_view text) {
  if (text == "subject") return Name{Kind::subject, {}, {}};
  if (text == "client_ip") return Name{Kind::client_ip, {}, {}};
  if (text.starts_with('/')) return parse_pointer(text);
  for (auto [prefix, kind] : kPrefixes) {
    if (text.starts_with(prefix) && text.size() > prefix.size()) return Name{kind, std::string(text.substr(prefix.size())), {}};
  }
  return std::nullopt;
}

AuditRedaction::AuditRedaction(const std::vector<std::string>& texts) {
  for (const std::string& text : texts) {
    auto name = Name::parse(text);
    CHECK(name);
    names_.push_back(*std::move(name));
  }
}

bool AuditRedaction::hides(Kind kind, std::string_view name) const {
  return std::ranges::any_of(names_, [&](const Name& one) {
    if (one.kind != kind || !one.inside.empty()) return false;
    return kind == Kind::header ? equals_ignore_case(one.name, name) : one.name == name;
  });
}

std::string_view AuditRedaction::claim(std::string_view name, std::string_view value, std::string& scratch,
                                       std::string& spare) const {
  if (hides(Kind::claim, name)) return kRedacted;
  for (const Name& one : names_) {
    if (one.kind != Kind::claim || one.name != name) continue;
    size_t first = value.find_first_not_of(" \t\r\n");
    if (first == value.npos || (value[first] != '{' && value[first] != '[')) return value;   // a pointer points to nothing in it
    if (!redact_json(value, one.inside, spare)) return kRedacted;
    scratch.swap(spare);
    value = scratch;
  }
  return value;
}

bool redact_json(std::string_view json, const std::vector<std::string>& inside, std::string& out) {
  out.clear();
  return JsonRedactor(json, out).run(inside);
}

}  // namespace sluice::observe

#include "config/template.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "config/suggest.h"

namespace sluice::config {

namespace {

struct FactName {
  std::string_view text;
  Fact::Kind kind;
  bool has_name;
};
constexpr FactName kFacts[] = {
    {"ip", Fact::Kind::ip, false},         {"route", Fact::Kind::route, false},
    {"method", Fact::Kind::method, false}, {"host", Fact::Kind::host, false},
    {"header", Fact::Kind::header, true},  {"path", Fact::Kind::path, true},
    {"query", Fact::Kind::query, true},    {"identity", Fact::Kind::identity, false},
    {"consumer", Fact::Kind::consumer, false}, {"claim", Fact::Kind::claim, true},
};

Result<Fact, TextError> parse_param(std::string_view text) {
  if (text.empty()) return TextError{"a name is missing between the braces", 0};
  return Fact{Fact::Kind::path, std::string(text)};
}

bool is_brace(char c) {
  return c == '{' || c == '}';
}

template <class ParseFact>
Result<Template, TextError> parse_parts(std::string_view text, ParseFact parse_one) {
  Result<std::vector<TemplatePiece>, TextError> pieces = split_template(text);
  if (!pieces) return pieces.error();
  Template out{std::string(text), {}};
  for (TemplatePiece& piece : *pieces) {
    if (!piece.has_name && piece.literal.empty()) continue;
    TemplatePart& part = out.parts.emplace_back();
    part.literal = std::move(piece.literal);
    if (!piece.has_name) continue;
    Result<Fact, TextError> fact = parse_one(piece.name);
    if (!fact) return TextError{fact.error().why, piece.offset + 1 + fact.error().offset};
    part.has_fact = true;
    part.fact = *std::move(fact);
  }
  return out;
}

}  // namespace

Result<std::vector<TemplatePiece>, TextError> split_template(std::string_view text) {
  std::vector<TemplatePiece> out(1);
  for (size_t i = 0; i < text.size(); ++i) {
    if (!is_brace(text[i])) {
      out.back().literal += text[i];
      continue;
    }
    if (i + 1 < text.size() && text[i + 1] == text[i]) {
      out.back().literal += text[i++];
      continue;
    }
    size_t end = text.find_first_of("{}", i + 1);
    if (text[i] == '}' || end == std::string_view::npos || text[end] == '{') {
      return TextError{"a brace has no partner; {{ and }} are braces themselves", i};
    }
    if (out.size() > kFactsMax) {
      return TextError{"more than " + std::to_string(kFactsMax) + " facts", i};
    }
    out.back().has_name = true;
    out.back().name = text.substr(i + 1, end - i - 1);
    out.back().offset = i;
    out.emplace_back();
    i = end;
  }
  return out;
}

std::string print_fact(const Fact& fact) {
  for (const FactName& known : kFacts) {
    if (known.kind == fact.kind) return std::string(known.text) + (known.has_name ? "." + fact.name : "");
  }
  return {};
}

Result<Fact, TextError> parse_fact(std::string_view text) {
  size_t dot = text.find('.');
  std::string_view head = text.substr(0, dot);
  Nearest nearest(head);
  for (const FactName& known : kFacts) {
    nearest.offer(known.text);
    if (known.text != head) continue;
    std::string_view name =
        dot == std::string_view::npos ? std::string_view() : text.substr(dot + 1);
    bool has_dot = dot != std::string_view::npos;  // "ip." is no "ip"
    if (known.has_name ? name.empty() : has_dot) {
      return TextError{known.has_name ? "write {" + std::string(head) + ".NAME}"
                                      : "{" + std::string(head) + "} has no name",
                       0};
    }
    if (known.kind == Fact::Kind::header && equals_ignore_case(name, "Host")) return TextError{"the fact for that is host, in normal form", 0};
    return Fact{known.kind, std::string(name)};
  }
  std::string why = nearest.hint();
  if (why.empty()) why = "the facts are ip route method host header.NAME path.NAME query.NAME identity consumer claim.NAME; a parameter of the path is path.NAME";
  return TextError{why, 0};
}

bool Template::is_literal() const {
  return std::none_of(parts.begin(), parts.end(),
                      [](const TemplatePart& part) { return part.has_fact; });
}

std::string Template::literal() const {
  return parts.empty() ? "" : parts.front().literal;
}

Result<Template, TextError> parse_template(std::string_view text) {
  return parse_parts(text, parse_fact);
}

Result<PathTemplate, TextError> parse_path_template(std::string_view text) {
  if (!text.starts_with('/')) return TextError{"a path begins with /", 0};
  if (text.find_first_of("?#") != std::string_view::npos) {
    return TextError{"the query is never rewritten", text.find_first_of("?#")};
  }
  Result<Template, TextError> parsed = parse_parts(text, parse_param);
  if (!parsed) return parsed.error();
  return PathTemplate{*std::move(parsed)};
}

}  // namespace sluice::config

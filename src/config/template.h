// Texts with facts of a request in braces: "tenant-{header.X-Tenant}". The vocabulary is the same
// wherever a fact is named; what a fact's value is, the folder that fills the template knows.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/types.h"

namespace sluice::config {

struct Fact {
  enum class Kind : uint8_t { ip, route, method, host, header, path, query, identity, consumer, claim };
  Kind kind = Kind::ip;
  std::string name;  // of a header, path parameter ("**" is the tail), query parameter or claim

  /// Known only after authentication.
  bool needs_identity() const {
    return kind == Kind::identity || kind == Kind::consumer || kind == Kind::claim;
  }
  friend bool operator==(const Fact&, const Fact&) = default;
};

/// As it is written: "ip", "header.X-Tenant".
std::string print_fact(const Fact& fact);
/// "ip", "route", "method", "host", "header.NAME", "path.NAME", "query.NAME", "identity",
/// "consumer", "claim.NAME".
Result<Fact, TextError> parse_fact(std::string_view text);

/// One literal and what stood in the braces behind it. The last piece of a text has no braces.
struct TemplatePiece {
  std::string literal;
  bool has_name = false;
  std::string_view name;  // views the text
  size_t offset = 0;      // of the opening brace
};
inline constexpr size_t kFactsMax = 32;  // of one template; a real one has a handful

/// Splits a text at its braces; "{{" and "}}" are braces themselves.
/// errors: a brace without partner, more than kFactsMax names
Result<std::vector<TemplatePiece>, TextError> split_template(std::string_view text);

struct TemplatePart {
  std::string literal;  // comes first
  bool has_fact = false;
  Fact fact;
};

/// "{{" and "}}" are braces.
struct Template {
  std::string text;  // as written
  std::vector<TemplatePart> parts;

  bool empty() const { return text.empty(); }
  /// Holds no fact: every request gets `literal()`.
  bool is_literal() const;
  /// needs: is_literal()
  std::string literal() const;
};
Result<Template, TextError> parse_template(std::string_view text);

/// A path whose braces name parameters of the matched path: "/internal/orders/{order_id}",
/// "/new/{**}".
struct PathTemplate {
  Template path;  // every fact is a Fact::Kind::path
};
Result<PathTemplate, TextError> parse_path_template(std::string_view text);

template <>
struct TextForm<Fact> {
  static constexpr std::string_view noun = "a fact such as \"ip\" or \"header.X-Tenant\"";
  static Result<Fact, TextError> parse(std::string_view text) { return parse_fact(text); }
  static std::string print(const Fact& fact) { return print_fact(fact); }
};

template <>
struct TextForm<Template> {
  static constexpr std::string_view noun = "a text with facts such as \"{header.X-Tenant}\"";
  static Result<Template, TextError> parse(std::string_view text) { return parse_template(text); }
  static std::string print(const Template& value) { return value.text; }
};

template <>
struct TextForm<PathTemplate> {
  static constexpr std::string_view noun = "a path such as \"/internal/orders/{order_id}\"";
  static Result<PathTemplate, TextError> parse(std::string_view text) {
    return parse_path_template(text);
  }
  static std::string print(const PathTemplate& value) { return value.path.text; }
};

}  // namespace sluice::config

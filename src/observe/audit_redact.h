// What stays out of an audit record although records have it: whole values by their name, and parts of claims that
// are objects or lists by a JSON pointer (RFC 6901) into the claims: "/address/street", "/groups/0". Bodies are never
// logged, so that there is nothing else for a pointer to point into.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::observe {

inline constexpr std::string_view kRedacted = "***";

class AuditRedaction {
 public:
  enum class Kind : uint8_t { subject, client_ip, path, query, header, claim };
  struct Name {
    Kind kind = Kind::subject;
    std::string name;                 // empty for subject and client_ip
    std::vector<std::string> inside;  // of a claim: the way into it; empty: all of it

    /// "subject", "client_ip", "path.NAME", "query.NAME", "header.NAME", "claim.NAME" or a JSON pointer.
    static std::optional<Name> parse(std::string_view text);
  };
  static constexpr size_t kDepthMax = 16;   // names in a pointer

  AuditRedaction() = default;
  /// needs: every text parses
  explicit AuditRedaction(const std::vector<std::string>& texts);

  /// Whether all of it is left out. Names of headers are compared without case.
  bool hides(Kind kind, std::string_view name = {}) const;
  /// gives: the claim's value as it may be written; a view of `value`, `scratch` or a constant
  /// cost: no allocation once `scratch` and `spare` have had their longest
  std::string_view claim(std::string_view name, std::string_view value, std::string& scratch, std::string& spare) const;

 private:
  std::vector<Name> names_;
};

/// Copies `json` to `out` with kRedacted, as a string, in the place of what `inside` names, if it is there.
/// gives: false when `json` is no JSON object or list, or a name on the way is written with escapes: then nobody can
/// say that nothing is left, and `out` is of no use
bool redact_json(std::string_view json, const std::vector<std::string>& inside, std::string& out);

}  // namespace sluice::observe

// Values of the facts of a request, and templates over them ("{path.order_id}"). The vocabulary and its
// syntax are config/template.h's. A missing fact makes the whole text missing: the header it would set is removed.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/template.h"
#include "policy/policy.h"

namespace sluice::policy {

/// gives: the value (a view into the request or its arena), or nothing
std::optional<std::string_view> fact_value(const config::Fact& fact, const Call& call);

/// A config::Template, ready to be filled.
class Template {
 public:
  Template() = default;
  explicit Template(const config::Template& source);
  bool empty() const { return parts_.empty() && tail_.empty(); }
  bool is_literal() const { return parts_.empty(); }
  /// gives: the text, or nothing when a fact is missing, or has blanks at an end: whoever reads a header field takes
  /// "admin " for "admin"
  std::optional<std::string_view> render(const Call& call) const&;
  std::optional<std::string_view> render(const Call& call) const&& = delete;  // views the template

 private:
  struct Part {
    std::string literal;   // before the fact
    config::Fact fact;
  };
  std::vector<Part> parts_;
  std::string tail_;
};

}  // namespace sluice::policy

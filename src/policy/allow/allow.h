// May they? The rules of a route's `allow`, tried in order: one that holds lets the request pass, none refuses it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/ip.h"
#include "policy/allow/allow_config.h"
#include "policy/policy.h"

namespace sluice::policy {

class Allow final : public Policy {
 public:
  /// `metric`: the route's, in the registry
  Allow(const AllowConfig& config, uint32_t metric);

  std::string_view name() const override { return "allow"; }
  std::string describe() const override;
  Wants wants() const override { return {.request = true, .response = asks_scopes_ && !shadow_}; }
  /// Names the rule that decided in call.findings(): the one that held; when none did, the only one, or "allow".
  Verdict on_request(Call& call) const override;
  /// A bearer token that lacks nothing but scopes is told so (RFC 6750 section 3.1).
  void on_response(Call& call, http::Head& response) const override;

 private:
  /// A rule, compiled.
  struct Rule {
    std::string name;
    std::string text;   // for describe
    std::vector<std::string> scopes, roles, groups;
    std::vector<std::pair<std::string, std::vector<std::string>>> claims;
    std::vector<std::pair<std::string, config::Fact>> path;
    CidrSet ips;
    uint32_t methods = 0;   // a bit each; 0: all
    std::optional<AllowTime> time;
    bool empty = false;     // holds for nobody

    Rule(const AllowRule& from, std::string name);
    bool holds(const Call& call) const { return holds_beside_scopes(call) && has_scopes(*call.identity()); }
    bool holds_beside_scopes(const Call& call) const;
    bool has_scopes(const Identity& identity) const;
    bool holds_identity(const Identity& identity) const;
    bool holds_path(const Call& call) const;
  };

  bool lacks_scopes_only(const Call& call) const;

  std::vector<Rule> rules_;
  bool asks_scopes_ = false;   // some rule does
  std::string refusing_;   // the rule that is named when none held
  uint32_t metric_;
  bool shadow_;
};

/// Whether a claim is `wanted`, or is a list that has it as an element. A text that only looks like a list is none.
bool claim_has(const Claim& claim, std::string_view wanted);
/// Whether a segment of a canonical path stands for `plain`, %-sequences decoded.
bool segment_is(std::string_view segment, std::string_view plain);

}  // namespace sluice::policy

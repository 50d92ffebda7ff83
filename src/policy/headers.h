// The header rules of a route, both ways: remove, set, add, in that order (requirements F5, F6).
#pragma once

#include <string>
#include <vector>

#include "policy/facts.h"
#include "policy/headers_config.h"
#include "policy/policy.h"

namespace sluice::policy {

/// One direction's rules, compiled.
struct HeaderChanges {
  explicit HeaderChanges(const HeaderRules& rules);

  struct Change {
    std::string name;
    http::FieldId id = http::FieldId::other;
    Template value;
  };
  struct Removal {
    std::string name;
    http::FieldId id = http::FieldId::other;
  };
  std::vector<Removal> remove;
  std::vector<Change> set;   // what the client sent under that name, in any spelling, is removed first
  std::vector<Change> add;
  bool empty() const { return remove.empty() && set.empty() && add.empty(); }

  /// Removes what `remove` and `set` name, in any spelling.
  void drop_named(http::Fields& fields) const;

 private:
  void drop(std::string_view name);
  http::FieldIdSet dropped_ids_;              // and FieldId::other, when any name is dropped at all
  std::vector<std::string> dropped_names_;    // for fields whose names are not interned
};

class Headers final : public Policy {
 public:
  explicit Headers(const HeadersConfig& config) : request_(config.request), response_(config.response) {}
  std::string_view name() const override { return "headers"; }
  std::string describe() const override;
  Wants wants() const override { return {.request = !request_.empty(), .response = !response_.empty()}; }
  Verdict on_request(Call& call) const override;
  void on_response(Call& call, http::Head& response) const override;
  void on_request_trailers(Call&, http::Fields& trailers) const override { request_.drop_named(trailers); }
  void on_response_trailers(Call&, http::Fields& trailers) const override { response_.drop_named(trailers); }

 private:
  HeaderChanges request_;
  HeaderChanges response_;
};

/// Two names that a lax upstream takes for one: case ignored, "_" and "-" alike.
bool same_header_name(std::string_view a, std::string_view b);

}  // namespace sluice::policy

// [route.NAME.headers.request] and [route.NAME.headers.response]: which fields are set, added and
// removed.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "config/template.h"

namespace sluice::policy {

/// Removal comes first, then set (replaces every spelling), then add. A template whose fact is
/// missing removes the field it would set.
struct HeaderRules {
  config::Map<config::Placed<config::Template>> set;
  config::Map<config::Placed<config::Template>> add;
  std::vector<config::Placed<std::string>> remove;

  bool empty() const { return set.empty() && add.empty() && remove.empty(); }
};

struct HeadersConfig {
  HeaderRules request;
  HeaderRules response;
};

std::span<const config::Field> config_fields(const HeaderRules*);
std::span<const config::Field> config_fields(const HeadersConfig*);
/// A name that is none, or of a field that the gateway writes itself.
void check_header_name(std::string_view name, config::Position at, config::Reader& reader);
/// Names, values, and that no name is there twice.
void check_header_fields(const config::Map<config::Placed<config::Template>>& fields, config::Reader& reader);
void config_check(const HeaderRules& rules, const config::Value& table, config::Reader& reader);

}  // namespace sluice::policy

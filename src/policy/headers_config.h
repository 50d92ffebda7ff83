// [route.NAME.headers.request] and [route.NAME.headers.response]: which fields are set, added and
// removed.
#pragma once

#include <span>
#include <string>
#include <string_view>
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

/// A field that some table sets.
struct SetField {
  std::string_view name;
  config::Position at;
  bool clean;                  // its value holds no control bytes
  config::Position value_at;
};
/// Names that are names and not the gateway's own affair, values without control bytes, and each name once.
void check_set_fields(std::span<const SetField> fields, config::Reader& reader);

std::span<const config::Field> config_fields(const HeaderRules*);
std::span<const config::Field> config_fields(const HeadersConfig*);
/// A name that is none, or of a field that the gateway writes itself.
void check_header_name(std::string_view name, config::Position at, config::Reader& reader);
/// Names, values, and that no name is there twice.
void check_header_fields(const config::Map<config::Placed<config::Template>>& fields, config::Reader& reader);
void config_check(const HeaderRules& rules, const config::Value& table, config::Reader& reader);

}  // namespace sluice::policy

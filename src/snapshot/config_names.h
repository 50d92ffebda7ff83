// Looking up what a configuration names.
#pragma once

#include <string>
#include <string_view>

#include "config/suggest.h"
#include "snapshot/config.h"

namespace sluice::snapshot {

void report_unknown_name(std::string_view table, std::string_view name, config::Position at,
                         std::string hint, config::Document& document);

/// gives: the section, or nullptr with an issue; nullptr for an empty name
template <class T>
const config::Section<T>* resolve(std::string_view table, const std::string& name, config::Position at,
                                  const config::Sections<T>& sections, config::Document& document) {
  if (name.empty()) return nullptr;
  if (const auto* section = find_section(sections, name)) return section;
  config::Nearest nearest(name);
  for (const auto& section : sections) nearest.offer(section.name);
  report_unknown_name(table, name, at, nearest.hint(), document);
  return nullptr;
}

}  // namespace sluice::snapshot

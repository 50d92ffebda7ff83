// A name and its value, both views: parameters of a path.
#pragma once

#include <string_view>

namespace sluice {

struct NamedValue {
  std::string_view name;
  std::string_view value;
};

}  // namespace sluice

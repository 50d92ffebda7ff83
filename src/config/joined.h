// Field lists put together: a table whose keys belong to several structs (see `within`).
#pragma once

#include <algorithm>
#include <array>
#include <iterator>

#include "config/field.h"

namespace sluice::config {

/// The fields of these lists, in this order.
template <const auto&... Lists>
constexpr auto joined() {
  std::array<Field, (std::size(Lists) + ...)> out{};
  auto end = out.begin();
  ((end = std::copy(std::begin(Lists), std::end(Lists), end)), ...);
  return out;
}

}  // namespace sluice::config

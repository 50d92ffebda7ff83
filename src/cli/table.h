// Rows for a person at a terminal.
#pragma once

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"

namespace sluice::cli {

template <size_t kColumns>
using TableRow = std::array<std::string, kColumns>;

/// Prints them under `titles`, aligned; `nothing` stands where a text is empty. Texts may come from strangers: bytes that
/// a terminal would obey are shown as what they are.
template <size_t kColumns>
void print_table(const std::array<std::string_view, kColumns>& titles, const std::array<std::string_view, kColumns>& nothing,
                 const std::vector<TableRow<kColumns>>& rows) {
  std::array<size_t, kColumns> widths{};
  auto shown = [&](const TableRow<kColumns>& row, size_t i) {
    return row[i].empty() ? std::string(nothing[i]) : printable(row[i], row[i].size());
  };
  for (size_t i = 0; i < kColumns; ++i) {
    widths[i] = titles[i].size();
    for (const auto& row : rows) widths[i] = std::max(widths[i], shown(row, i).size());
  }
  auto line = [&](auto text_of) {
    std::string out;
    for (size_t i = 0; i < kColumns; ++i) {
      std::string text(text_of(i));
      out += text + std::string(i + 1 < kColumns ? widths[i] - text.size() + 2 : 0, ' ');
    }
    std::printf("%s\n", out.c_str());
  };
  line([&](size_t i) { return titles[i]; });
  for (const auto& row : rows) line([&](size_t i) { return shown(row, i); });
}

}  // namespace sluice::cli

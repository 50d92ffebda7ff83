// Which bracket of a TOML text is open at a place: what a list that is not closed began with, and whether a key stands
// in braces. Knows strings and comments, nothing else of TOML.
#pragma once

#include <optional>

#include "config/source.h"

namespace sluice::config {

struct Bracket {
  char kind;     // [ or {
  Position at;
};

/// Finds the innermost bracket that is open just before `until`.
/// needs: the text up to there is right, as it is where a parser gave up
/// gives: none outside of all brackets
std::optional<Bracket> open_bracket(const Source& source, Position until);

}  // namespace sluice::config

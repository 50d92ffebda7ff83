// Where a key belongs that its table does not have. Says nothing where several things could be meant: no hint is better
// than a wrong one.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "config/field.h"

namespace sluice::config {

/// A key that stands beside its place: the field for which people write it (Field::instead_of), or the tables within its
/// table that have such a key and take such a value.
/// `path`: names from the main table down to the one that it stands in
/// gives: a hint, or empty
std::string near_home(const Type& root, std::span<const std::string_view> path, const Entry& entry);

/// The same for a key from elsewhere: the nearest table around its own that has it, or has a table with it; else the one
/// place of the whole format.
std::string far_home(const Type& root, std::span<const std::string_view> path, const Entry& entry);

}  // namespace sluice::config

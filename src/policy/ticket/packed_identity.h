// An Identity as one text, to be kept where a ticket leads to it: in memory or in a Redis. Every piece is its length in
// decimal, a colon and its bytes; lists have their number of items first.
#pragma once

#include <string>
#include <string_view>

#include "base/arena.h"
#include "policy/identity.h"

namespace sluice::policy {

std::string pack_identity(const Identity& identity);

/// gives: views of `text` and of the arena; null when it is no such text, and nothing else of it
const Identity* unpack_identity(std::string_view text, Arena& arena);

}  // namespace sluice::policy

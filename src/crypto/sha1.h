// SHA-1, because Redis names its scripts by it. Protects nothing: no other use.
#pragma once

#include <string>
#include <string_view>

namespace sluice::crypto {

/// gives: 40 lower-case hex digits
std::string sha1_hex(std::string_view bytes);

}  // namespace sluice::crypto

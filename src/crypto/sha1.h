// SHA-1, because Redis names its scripts by it and WebSocket handshakes are marked with it. Protects nothing: no
// other use.
#pragma once

#include <string>
#include <string_view>

namespace sluice::crypto {

/// gives: 40 lower-case hex digits
std::string sha1_hex(std::string_view bytes);
/// gives: the 20 bytes themselves
std::string sha1(std::string_view bytes);

}  // namespace sluice::crypto

// Which slot of a Redis cluster a key is in. Source: the cluster specification, appendix A (CRC16-XMODEM).
#pragma once

#include <cstdint>
#include <string_view>

namespace sluice::redis {

inline constexpr uint16_t kSlots = 16384;
inline constexpr uint16_t kAnySlot = kSlots;   // a command without a key

/// Of the part in the first pair of braces, if there is something in it: keys with the same one stay together.
uint16_t key_slot(std::string_view key);

}  // namespace sluice::redis

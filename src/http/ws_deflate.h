// permessage-deflate of WebSockets: what the handshake agreed on, and the bytes of one direction inflated to be looked at.
// Nothing is compressed here: what passes, passes as it came. The door to zlib.
// Source: RFC 7692.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/arena.h"
#include "base/shared_memory.h"
#include "http/fields.h"

namespace sluice::http {

/// What was agreed on.
struct WsDeflate {
  /// Of one sender.
  struct Way {
    bool keeps = true;        // its window goes on from message to message
    uint8_t window_bits = 15;
  };
  bool agreed = false;
  Way client;
  Way upstream;
};

/// The well-formed offers of permessage-deflate that a request makes, and no other extension.
/// gives: text of the arena; empty: none
std::string_view ws_deflate_offers(const Fields& request, Arena& arena);

/// What the response makes of them. `request`: as the upstream got it
/// gives: nothing when it accepts what was not offered
std::optional<WsDeflate> read_ws_extensions(const Fields& request, const Fields& response);

/// Inflates the messages of one direction, in pieces.
class WsInflater {
 public:
  /// Memory that one holds, its window counted (zlib 1.2.13: inflate_state and 32 KiB).
  static constexpr size_t kBytes = 42 * 1024;

  /// `share`: where its memory is counted; null: nowhere
  WsInflater(WsDeflate::Way way, MemoryShare* share);
  WsInflater(const WsInflater&) = delete;
  ~WsInflater();

  enum class State : uint8_t { room_full, input_used, broken };
  /// Takes from the front of `input`, writes `made` bytes at `room`. Call it again while the room gets full.
  State run(std::string_view& input, char* room, size_t room_bytes, size_t& made);
  /// The four bytes that senders leave out at the end of a message: run() them last.
  static constexpr std::string_view kTail{"\x00\x00\xff\xff", 4};
  /// A message has ended.
  void end_message();

 private:
  struct Zlib;
  bool begin();

  std::unique_ptr<Zlib> zlib_;   // null: nothing to remember
  WsDeflate::Way way_;
  MemoryShare* share_;
};

}  // namespace sluice::http

// Follows the frames of one direction of a WebSocket by their lengths alone, so that a frame of our own can be put
// between two of them. Looks at no payload but a Close frame's code, and judges nothing: that is the peers' affair.
// Source: RFC 6455 section 5.2.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/chain.h"

namespace sluice::http {

enum class WsOpcode : uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

/// Codes of Close frames (RFC 6455 section 7.4.1 and the registry there).
enum class WsClose : uint16_t {
  none = 0,
  normal = 1000,
  going_away = 1001,
  protocol_error = 1002,
  unsupported = 1003,
  bad_data = 1007,
  policy = 1008,
  too_big = 1009,
  internal_error = 1011,
  service_restart = 1012,
};

class WsFollower {
 public:
  /// Follows up to the end of one frame. gives: how many of `bytes` belong to it
  size_t next(std::string_view bytes);
  /// Follows all of them.
  void follow(std::string_view bytes) {
    while (!bytes.empty()) bytes.remove_prefix(next(bytes));
  }
  /// The next byte begins a frame.
  bool at_boundary() const { return position_ == Position::start; }
  /// A Close frame has passed, the first one: nothing may follow it.
  bool closed() const { return closed_; }
  /// The code that it had; 0: none.
  uint16_t code() const { return closed_ ? code_ : 0; }

 private:
  enum class Position : uint8_t { start, length, extended, payload };
  size_t whole_header(std::string_view bytes);
  void header_byte(uint8_t byte);
  void begin_payload();
  void note_close(std::string_view bytes);
  void end_frame();

  uint64_t left_ = 0;        // bytes of mask and payload to come; while `extended`: the length so far
  uint16_t code_ = 0;
  Position position_ = Position::start;
  uint8_t extended_ = 0;     // bytes of the extended length to come
  uint8_t seen_ = 0;         // bytes of a Close frame's mask and code
  bool masked_ : 1 = false;
  bool closing_ : 1 = false;   // this frame is a Close
  bool closed_ : 1 = false;
};

/// Most of the payload of a control frame (RFC 6455 section 5.5).
inline constexpr size_t kWsControlMax = 125;
/// Of the code that a Close frame's payload begins with.
inline constexpr size_t kWsCodeBytes = 2;

/// Appends a control frame, the payload cut where it is too long. `mask`: the key of a frame for a server; null: for a client
void write_ws_control(WsOpcode opcode, std::string_view payload, const uint32_t* mask, BlockPool& blocks, Chain& out);
/// Appends a Close frame.
void write_close(WsClose code, std::string_view reason, const uint32_t* mask, BlockPool& blocks, Chain& out);

}  // namespace sluice::http

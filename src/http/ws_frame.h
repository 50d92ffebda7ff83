// Frames of a WebSocket, read as they come: headers judged before anything of them is taken, payloads unmasked word by
// word, text held to UTF-8, Close frames to their codes. Holds no payload: who wants a message whole keeps it.
// Source: RFC 6455 sections 5, 7.4 and 8.1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/ws_follower.h"

namespace sluice::http {

struct WsHeader {
  static constexpr size_t kBytesMax = 14;
  uint64_t length = 0;
  uint32_t key = 0;        // as it lies in memory; masked frames only
  uint8_t size = 0;        // of the header itself
  uint8_t opcode = 0;
  uint8_t reserved = 0;    // RSV1 (4) to RSV3 (1)
  bool fin = false;
  bool masked = false;
  bool minimal = true;     // the length has its shortest form and no top bit

  bool is_control() const { return opcode >= 8; }
};

/// gives: false when `bytes` do not hold it whole yet
bool parse_ws_header(std::string_view bytes, WsHeader& out);

/// Masks or unmasks in place. `offset`: bytes of the payload before these
void apply_ws_mask(char* data, size_t size, uint32_t key, uint64_t offset);

/// Whether a text that comes in pieces is UTF-8 (RFC 3629): no surrogates, no longer forms than needed.
class Utf8Check {
 public:
  /// gives: false once it cannot be any more
  bool feed(std::string_view bytes);
  /// No character is cut off here.
  bool whole() const { return left_ == 0; }
  void reset() { left_ = 0; }

 private:
  uint8_t left_ = 0;    // bytes of the character to come
  uint8_t low_ = 0x80;  // bounds of the next one
  uint8_t high_ = 0xbf;
};

/// Whether an endpoint may send that code in a Close frame.
bool is_ws_close_code(uint16_t code);

struct WsRules {
  bool masked = true;                        // what clients send is, what servers send is not
  uint64_t message_bytes_max = UINT64_MAX;   // of all fragments together, inflated
};

/// One direction. Judges; changes and holds nothing. A frame is begin(), then its payload by payload() or, what need not be
/// seen or is compressed, by skip().
class WsReader {
 public:
  /// `deflated`: permessage-deflate was agreed on
  WsReader(const WsRules& rules, bool deflated) : rules_(&rules), deflated_(deflated) {}

  /// A header, before anything of its frame is taken. needs: between frames
  /// gives: none, or what to close with
  WsClose begin(const WsHeader& header);
  /// Payload bytes of that frame, unmasked. gives: none, or what to close with
  WsClose payload(std::string_view bytes);
  /// As many payload bytes have come. needs: !sees(), or inflated() was told what came of them
  WsClose skip(size_t bytes);
  /// What came of compressed payload. gives: none, or what to close with
  WsClose inflated(std::string_view bytes);

  /// The payload of this frame must be seen, for payload(): a Close, or text that is not compressed.
  bool sees() const;
  bool control() const { return opcode_ >= 8; }
  WsOpcode opcode() const { return static_cast<WsOpcode>(opcode_); }
  /// Of the message under way, or of the one that just ended.
  bool text() const { return text_; }
  bool compressed() const { return compressed_; }
  /// This frame is, or was, the last one of a message.
  bool ends_message() const { return opcode_ < 8 && fin_; }
  /// Bytes of the frame's payload to come; 0: between frames.
  uint64_t left() const { return left_; }
  /// Payload bytes of the frame that have come: the offset of the mask.
  uint64_t taken() const { return length_ - left_; }
  /// A Close has come whole: what follows it means nothing.
  bool closed() const { return closed_; }
  /// Between two messages.
  bool idle() const { return !in_message_ && left_ == 0; }

 private:
  WsClose begin_data(const WsHeader& header);
  WsClose end_frame();
  WsClose close_payload(std::string_view bytes);

  const WsRules* rules_;
  uint64_t left_ = 0;
  uint64_t length_ = 0;          // of this frame
  uint64_t message_bytes_ = 0;   // as they come
  uint64_t inflated_bytes_ = 0;
  uint16_t code_ = 0;            // of a Close, as its bytes come
  uint8_t opcode_ = 0;
  bool deflated_ : 1;
  bool fin_ : 1 = false;
  bool in_message_ : 1 = false;
  bool text_ : 1 = false;        // the message is
  bool compressed_ : 1 = false;  // the message is
  bool closed_ : 1 = false;
  Utf8Check utf8_;               // of the message
  Utf8Check reason_;             // of a Close
};

}  // namespace sluice::http

#include "http/ws_follower.h"

#include <algorithm>
#include <cstring>

namespace sluice::http {
namespace {

constexpr uint8_t kOpcodeBits = 0x0f;
constexpr auto kCloseOpcode = static_cast<uint8_t>(WsOpcode::close);
constexpr uint8_t kFinBit = 0x80;
constexpr uint8_t kMaskBit = 0x80;
constexpr uint8_t kLengthBits = 0x7f;
constexpr size_t kMaskBytes = 4;

uint8_t byte_at(std::string_view bytes, size_t index) { return static_cast<uint8_t>(bytes[index]); }

}  // namespace

size_t WsFollower::next(std::string_view bytes) {
  size_t taken = position_ == Position::start ? whole_header(bytes) : 0;
  while (taken < bytes.size() && position_ != Position::payload) {
    header_byte(byte_at(bytes, taken++));
    if (position_ == Position::start) return taken;   // a frame without mask and payload
  }
  if (position_ != Position::payload) return taken;
  auto part = static_cast<size_t>(std::min<uint64_t>(left_, bytes.size() - taken));
  if (closing_) note_close(bytes.substr(taken, part));
  left_ -= part;
  if (left_ == 0) end_frame();
  return taken + part;
}

// The usual case at once: the header is here in one piece.
// gives: its size; 0 when it goes byte by byte
size_t WsFollower::whole_header(std::string_view bytes) {
  if (bytes.size() < 4 || (byte_at(bytes, 0) & kOpcodeBits) == kCloseOpcode) return 0;
  uint8_t second = byte_at(bytes, 1);
  uint64_t length = second & kLengthBits;
  size_t size = 2;
  if (length > 126) return 0;
  if (length == 126) {
    length = static_cast<uint64_t>(byte_at(bytes, 2) << 8 | byte_at(bytes, 3));
    size = 4;
  }
  closing_ = false;
  masked_ = (second & kMaskBit) != 0;
  left_ = length;
  begin_payload();
  return left_ == 0 ? 0 : size;   // an empty frame: header_byte() ends it
}

void WsFollower::header_byte(uint8_t byte) {
  switch (position_) {
    case Position::start:
      closing_ = !closed_ && (byte & kOpcodeBits) == kCloseOpcode;   // what comes after one changes nothing
      position_ = Position::length;
      return;
    case Position::length: {
      masked_ = (byte & kMaskBit) != 0;
      uint8_t length = byte & kLengthBits;
      extended_ = length == 126 ? 2 : length == 127 ? 8 : 0;
      left_ = extended_ > 0 ? 0 : length;
      if (extended_ > 0) {
        position_ = Position::extended;
        return;
      }
      return begin_payload();
    }
    case Position::extended:
      left_ = left_ << 8 | byte;
      if (--extended_ == 0) begin_payload();
      return;
    case Position::payload: return;
  }
}

void WsFollower::begin_payload() {
  constexpr uint64_t kMost = UINT64_MAX - kMaskBytes;   // no such frame ends in our time
  if (masked_) left_ = std::min(left_, kMost) + kMaskBytes;
  position_ = Position::payload;
  if (left_ == 0) end_frame();
}

// The code, without the mask: both are two bytes of the same places.
void WsFollower::note_close(std::string_view bytes) {
  size_t end = (masked_ ? kMaskBytes : 0) + kWsCodeBytes;
  for (size_t i = 0; i < bytes.size() && seen_ < end; ++i, ++seen_) {
    size_t place = masked_ && seen_ >= kMaskBytes ? seen_ - kMaskBytes : seen_;
    if (place >= kWsCodeBytes) continue;
    auto value = static_cast<uint16_t>(byte_at(bytes, i) << (place == 0 ? 8 : 0));
    code_ = static_cast<uint16_t>(code_ ^ value);
  }
}

void WsFollower::end_frame() {
  position_ = Position::start;
  if (!closing_) return;
  closing_ = false;
  closed_ = true;
  if (seen_ < (masked_ ? kMaskBytes : 0) + kWsCodeBytes) code_ = 0;
}

void write_ws_control(WsOpcode opcode, std::string_view payload, const uint32_t* mask, BlockPool& blocks, Chain& out) {
  payload = payload.substr(0, kWsControlMax);
  char frame[2 + kMaskBytes + kWsControlMax];
  size_t size = 2;
  frame[0] = static_cast<char>(kFinBit | static_cast<uint8_t>(opcode));
  frame[1] = static_cast<char>(payload.size() | (mask ? kMaskBit : 0));
  if (mask) {
    std::memcpy(frame + size, mask, kMaskBytes);
    size += kMaskBytes;
  }
  for (size_t i = 0; i < payload.size(); ++i) {
    frame[size + i] = mask ? static_cast<char>(payload[i] ^ frame[2 + i % kMaskBytes]) : payload[i];
  }
  out.append_copy(blocks, {frame, size + payload.size()});
}

void write_close(WsClose code, std::string_view reason, const uint32_t* mask, BlockPool& blocks, Chain& out) {
  char payload[kWsControlMax];
  auto number = static_cast<uint16_t>(code);
  payload[0] = static_cast<char>(number >> 8);
  payload[1] = static_cast<char>(number & 0xff);
  reason = reason.substr(0, kWsControlMax - kWsCodeBytes);
  std::copy(reason.begin(), reason.end(), payload + kWsCodeBytes);
  write_ws_control(WsOpcode::close, {payload, kWsCodeBytes + reason.size()}, mask, blocks, out);
}

}  // namespace sluice::http

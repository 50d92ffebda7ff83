#include "http/ws_frame.h"

#include <algorithm>
#include <cstring>

namespace sluice::http {
namespace {

constexpr uint8_t kCompressedBit = 4;   // RSV1, RFC 7692 section 6
// What deflate adds to bytes that it cannot make fewer: five to each stored block, of 255 and more; and to the last.
constexpr uint64_t kStoredShare = 51;
constexpr uint64_t kStoredBytes = 64;

uint8_t byte_at(std::string_view bytes, size_t index) { return static_cast<uint8_t>(bytes[index]); }

bool is_known(uint8_t opcode) { return opcode <= 2 || (opcode >= 8 && opcode <= 10); }

}  // namespace

bool parse_ws_header(std::string_view bytes, WsHeader& out) {
  if (bytes.size() < 2) return false;
  uint8_t first = byte_at(bytes, 0), second = byte_at(bytes, 1);
  uint8_t short_length = second & 0x7f;
  size_t extended = short_length == 126 ? 2 : short_length == 127 ? 8 : 0;
  out.masked = (second & 0x80) != 0;
  out.size = static_cast<uint8_t>(2 + extended + (out.masked ? 4 : 0));
  if (bytes.size() < out.size) return false;
  out.fin = (first & 0x80) != 0;
  out.reserved = (first >> 4) & 7;
  out.opcode = first & 15;
  out.length = extended > 0 ? 0 : short_length;
  for (size_t i = 0; i < extended; ++i) out.length = out.length << 8 | byte_at(bytes, 2 + i);
  out.minimal = extended == 0 || (extended == 2 ? out.length > 125 : out.length > 0xffff && out.length >> 63 == 0);
  if (out.masked) std::memcpy(&out.key, bytes.data() + 2 + extended, sizeof(out.key));
  return true;
}

void apply_ws_mask(char* data, size_t size, uint32_t key, uint64_t offset) {
  unsigned char bytes[8];
  for (size_t i = 0; i < sizeof(bytes); ++i) {
    bytes[i] = reinterpret_cast<const unsigned char*>(&key)[(offset + i) % sizeof(key)];
  }
  uint64_t wide;
  std::memcpy(&wide, bytes, sizeof(wide));
  size_t at = 0;
  for (; at + sizeof(wide) <= size; at += sizeof(wide)) {   // compilers make vectors of it
    uint64_t word;
    std::memcpy(&word, data + at, sizeof(word));
    word ^= wide;
    std::memcpy(data + at, &word, sizeof(word));
  }
  for (size_t i = 0; at + i < size; ++i) data[at + i] = static_cast<char>(data[at + i] ^ bytes[i]);
}

bool Utf8Check::feed(std::string_view bytes) {
  size_t at = 0;
  while (at < bytes.size()) {
    if (left_ == 0) {   // eight plain characters at a time
      uint64_t word;
      while (at + sizeof(word) <= bytes.size()) {
        std::memcpy(&word, bytes.data() + at, sizeof(word));
        if ((word & 0x8080808080808080) != 0) break;
        at += sizeof(word);
      }
      if (at == bytes.size()) return true;
    }
    uint8_t byte = byte_at(bytes, at++);
    if (left_ > 0) {
      if (byte < low_ || byte > high_) return false;
      --left_;
      low_ = 0x80;
      high_ = 0xbf;
      continue;
    }
    if (byte < 0x80) continue;
    if (byte < 0xc2 || byte > 0xf4) return false;
    left_ = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    low_ = byte == 0xe0 ? 0xa0 : byte == 0xf0 ? 0x90 : 0x80;
    high_ = byte == 0xed ? 0x9f : byte == 0xf4 ? 0x8f : 0xbf;
  }
  return true;
}

bool is_ws_close_code(uint16_t code) {
  bool named = code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
  return named || (code >= 3000 && code <= 4999);
}

WsClose WsReader::begin(const WsHeader& header) {
  bool form = is_known(header.opcode) && header.masked == rules_->masked && header.minimal;
  if (!form || closed_) return WsClose::protocol_error;
  if (header.is_control()) {
    if (header.reserved != 0 || !header.fin || header.length > kWsControlMax) return WsClose::protocol_error;
    code_ = 0;
    reason_.reset();
  } else if (WsClose fault = begin_data(header); fault != WsClose::none) {
    return fault;
  }
  opcode_ = header.opcode;
  fin_ = header.fin;
  left_ = length_ = header.length;
  return left_ == 0 && !(compressed_ && ends_message()) ? end_frame() : WsClose::none;
}

WsClose WsReader::begin_data(const WsHeader& header) {
  bool continues = header.opcode == static_cast<uint8_t>(WsOpcode::continuation);
  bool compressed = header.reserved == kCompressedBit && deflated_ && !continues;
  if (continues != in_message_ || (header.reserved != 0 && !compressed)) return WsClose::protocol_error;
  if (!continues) {
    text_ = header.opcode == static_cast<uint8_t>(WsOpcode::text);
    compressed_ = compressed;
    message_bytes_ = inflated_bytes_ = 0;
    utf8_.reset();
  }
  uint64_t most = rules_->message_bytes_max;
  if (compressed_) most += std::min(most / kStoredShare + kStoredBytes, UINT64_MAX - most);
  if (header.length > most - message_bytes_) return WsClose::too_big;
  message_bytes_ += header.length;
  in_message_ = true;
  return WsClose::none;
}

bool WsReader::sees() const {
  return control() ? opcode() == WsOpcode::close : text_ && !compressed_;
}

WsClose WsReader::payload(std::string_view bytes) {
  if (opcode() == WsOpcode::close) {
    if (WsClose fault = close_payload(bytes); fault != WsClose::none) return fault;
  } else if (sees() && !utf8_.feed(bytes)) {
    return WsClose::bad_data;
  }
  return skip(bytes.size());
}

WsClose WsReader::skip(size_t bytes) {
  left_ -= bytes;
  return left_ == 0 ? end_frame() : WsClose::none;
}

WsClose WsReader::inflated(std::string_view bytes) {
  uint64_t room = rules_->message_bytes_max - inflated_bytes_;
  std::string_view within = bytes.substr(0, static_cast<size_t>(std::min<uint64_t>(room, bytes.size())));
  inflated_bytes_ += within.size();
  if (text_ && !utf8_.feed(within)) return WsClose::bad_data;   // first, so that the answer depends on no cut
  return within.size() < bytes.size() ? WsClose::too_big : WsClose::none;
}

WsClose WsReader::close_payload(std::string_view bytes) {
  uint64_t at = taken();
  for (; !bytes.empty() && at < kWsCodeBytes; ++at) {
    code_ = static_cast<uint16_t>(code_ << 8 | byte_at(bytes, 0));
    bytes.remove_prefix(1);
  }
  return reason_.feed(bytes) ? WsClose::none : WsClose::bad_data;
}

WsClose WsReader::end_frame() {
  if (opcode() == WsOpcode::close) {
    closed_ = true;
    if (length_ == 0) return WsClose::none;
    if (length_ < kWsCodeBytes || !is_ws_close_code(code_)) return WsClose::protocol_error;
    return reason_.whole() ? WsClose::none : WsClose::bad_data;
  }
  if (!ends_message()) return WsClose::none;
  in_message_ = false;
  return text_ && !utf8_.whole() ? WsClose::bad_data : WsClose::none;
}

}  // namespace sluice::http

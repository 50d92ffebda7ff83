// Frames for tests, good ones and ones that break RFC 6455.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "http/ws_frame.h"

namespace sluice::http {

inline constexpr uint32_t kFrameKey = 0x21436587;

/// `form`: bytes of the length; 0: as many as it needs
inline std::string ws_frame(uint8_t first, std::string payload, bool masked = true, int form = 0) {
  std::string out(1, static_cast<char>(first));
  size_t length = payload.size();
  int bits = masked ? 0x80 : 0;
  if (form == 0) form = length < 126 ? 1 : length < 65536 ? 2 : 8;
  out += static_cast<char>(bits | (form == 1 ? static_cast<int>(length) : form == 2 ? 126 : 127));
  for (int i = form == 1 ? 0 : form; i-- > 0;) out += static_cast<char>(uint64_t{length} >> (8 * i) & 255);
  if (masked) {
    out.append(reinterpret_cast<const char*>(&kFrameKey), sizeof(kFrameKey));
    apply_ws_mask(payload.data(), payload.size(), kFrameKey, 0);
  }
  return out + payload;
}

struct WsCase {
  const char* what;
  std::string bytes;
  WsClose fault;
};

/// `of_client`: its frames are masked, a server's are not
inline std::vector<WsCase> ws_cases(bool of_client) {
  using enum WsClose;
  const std::string smile = "\xf0\x9f\x98\x80";
  auto frame = [of_client](uint8_t first, std::string payload, bool as_it_must = true, int form = 0) {
    return ws_frame(first, std::move(payload), of_client == as_it_must, form);
  };
  return {
      {"text", frame(0x81, "hello"), none},
      {"empty text", frame(0x81, ""), none},
      {"binary", frame(0x82, std::string("\xff\xfe\0", 3)), none},
      {"126 bytes", frame(0x82, std::string(126, 'x')), none},
      {"65536 bytes", frame(0x82, std::string(65536, 'x')), none},
      {"fragments", frame(0x01, "a") + frame(0x00, "b") + frame(0x80, "c"), none},
      {"empty fragments", frame(0x01, "") + frame(0x00, "") + frame(0x80, ""), none},
      {"a ping among fragments", frame(0x01, "a") + frame(0x89, "p") + frame(0x80, "c"), none},
      {"a character over two fragments", frame(0x01, smile.substr(0, 2)) + frame(0x80, smile.substr(2)), none},
      {"the last character", frame(0x81, "\xf4\x8f\xbf\xbf"), none},
      {"a pong that nobody asked for", frame(0x8a, "x"), none},
      {"a ping of 125", frame(0x89, std::string(125, 'p')), none},
      {"close without a code", frame(0x88, ""), none},
      {"close", frame(0x88, "\x03\xe8" "done"), none},
      {"close 3000", frame(0x88, "\x0b\xb8"), none},
      {"close 4999", frame(0x88, "\x13\x87"), none},
      {"close 1014", frame(0x88, "\x03\xf6"), none},
      {"close of one byte", frame(0x88, "\x03"), protocol_error},
      {"close 999", frame(0x88, "\x03\xe7"), protocol_error},
      {"close 1004", frame(0x88, "\x03\xec"), protocol_error},
      {"close 1005", frame(0x88, "\x03\xed"), protocol_error},
      {"close 1006", frame(0x88, "\x03\xee"), protocol_error},
      {"close 1015", frame(0x88, "\x03\xf7"), protocol_error},
      {"close 2999", frame(0x88, "\x0b\xb7"), protocol_error},
      {"close 5000", frame(0x88, "\x13\x88"), protocol_error},
      {"close with a bad reason", frame(0x88, "\x03\xe8\xff"), bad_data},
      {"not masked, or masked", frame(0x81, "x", false), protocol_error},
      {"RSV1", frame(0xc1, "x"), protocol_error},
      {"RSV2", frame(0xa1, "x"), protocol_error},
      {"RSV3", frame(0x91, "x"), protocol_error},
      {"opcode 3", frame(0x83, "x"), protocol_error},
      {"opcode 11", frame(0x8b, "x"), protocol_error},
      {"a ping of 126", frame(0x89, std::string(126, 'p')), protocol_error},
      {"a fragmented ping", frame(0x09, "p"), protocol_error},
      {"a stray continuation", frame(0x80, "x"), protocol_error},
      {"a new message within one", frame(0x01, "a") + frame(0x81, "b"), protocol_error},
      {"a length that is too long a form", frame(0x81, "x", true, 2), protocol_error},
      {"the same of eight", frame(0x81, std::string(200, 'x'), true, 8), protocol_error},
      {"the top bit of a length", std::string(of_client ? "\x82\xff\x80\0\0\0\0\0\0\x05mask" : "\x82\x7f\x80\0\0\0\0\0\0\x05", of_client ? 14 : 10),
       protocol_error},
      {"bad UTF-8", frame(0x81, "ok\xc0\xaf"), bad_data},
      {"a surrogate", frame(0x81, "\xed\xa0\x80"), bad_data},
      {"above U+10FFFF", frame(0x81, "\xf4\x90\x80\x80"), bad_data},
      {"a character cut off", frame(0x81, smile.substr(0, 3)), bad_data},
      {"cut off in the last fragment", frame(0x01, "a") + frame(0x80, smile.substr(0, 3)), bad_data},
      {"bad UTF-8 in a continuation", frame(0x01, "a") + frame(0x00, "\xff"), bad_data},
  };
}

struct WsVerdict {
  WsClose fault = WsClose::none;
  bool closed = false;
  bool idle = false;
  bool cut = false;                      // within a header
  bool by_last_header = false;           // the fault was seen there, and nothing came behind it
  std::optional<uint64_t> close_bytes;   // as the header of a Close says
  std::string close;                     // of them, what has come
};

/// Feeds a reader in pieces of `step`; a header is waited for whole, and nothing is read behind a Close.
inline WsVerdict read_ws(std::string_view bytes, size_t step, const WsRules& rules = {}) {
  WsReader reader(rules, false);
  WsVerdict out;
  std::string held;
  uint32_t key = 0;
  for (size_t at = 0; at < bytes.size() && out.fault == WsClose::none; at += step) {
    held += bytes.substr(at, step);
    size_t used = 0;
    while (out.fault == WsClose::none && !reader.closed()) {
      if (reader.left() == 0) {
        WsHeader header;
        if (!parse_ws_header(std::string_view(held).substr(used), header)) break;
        used += header.size;
        key = header.key;
        out.fault = reader.begin(header);
        out.by_last_header = out.fault != WsClose::none && used == held.size() && at + step >= bytes.size();
        if (out.fault == WsClose::none && header.opcode == 8) out.close_bytes = header.length;
        continue;
      }
      size_t part = std::min<uint64_t>(reader.left(), held.size() - used);
      if (part == 0) break;
      if (rules.masked) apply_ws_mask(held.data() + used, part, key, reader.taken());
      if (out.close_bytes) out.close.append(held, used, part);
      out.fault = reader.payload(std::string_view(held).substr(used, part));
      used += part;
    }
    held.erase(0, used);
  }
  out.cut = reader.left() == 0 && !held.empty();
  out.closed = reader.closed();
  out.idle = reader.idle();
  return out;
}

}  // namespace sluice::http

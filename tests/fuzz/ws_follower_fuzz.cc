// Frames followed by their lengths: however the bytes are cut, their borders and the first Close are the same, those that
// a plain reading of RFC 6455 section 5.2 finds.
#include <optional>
#include <vector>

#include "fuzz.h"
#include "http/ws_follower.h"

using sluice::http::WsFollower;

namespace {

struct Seen {
  std::vector<size_t> borders;   // behind each whole frame
  bool closed = false;
  uint16_t code = 0;             // of the first Close
};

Seen follow(std::string_view bytes, size_t step) {
  Seen out;
  WsFollower frames;
  for (size_t at = 0; at < bytes.size();) {
    size_t taken = frames.next(bytes.substr(at, step));
    CLAIM(taken > 0 && taken <= step);
    at += taken;
    if (frames.at_boundary()) out.borders.push_back(at);
  }
  out.closed = frames.closed();
  out.code = frames.code();
  return out;
}

/// gives: the size of the frame at the front, when it is whole
std::optional<size_t> whole_frame(std::string_view bytes, bool& close, uint16_t& code) {
  auto byte = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  if (bytes.size() < 2) return std::nullopt;
  close = (byte(0) & 15) == 8;
  bool masked = byte(1) >= 128;
  uint64_t length = byte(1) & 127;
  size_t extended = length == 126 ? 2 : length == 127 ? 8 : 0;
  size_t head = 2 + extended + (masked ? 4 : 0);
  if (bytes.size() < head) return std::nullopt;
  if (extended > 0) length = 0;
  for (size_t i = 0; i < extended; ++i) length = length << 8 | byte(2 + i);
  if (bytes.size() - head < length) return std::nullopt;
  code = 0;
  if (close && length >= 2) {
    auto plain = [&](size_t i) { return byte(head + i) ^ (masked ? byte(head - 4 + i) : 0); };
    code = static_cast<uint16_t>(plain(0) << 8 | plain(1));
  }
  return head + length;
}

Seen read(std::string_view bytes) {
  Seen out;
  size_t at = 0;
  bool close = false;
  uint16_t code = 0;
  while (auto size = whole_frame(bytes.substr(at), close, code)) {
    at += *size;
    out.borders.push_back(at);
    if (close && !out.closed) out.code = code;
    out.closed |= close;
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes = text_of(data, size);
  Seen plain = read(bytes);
  Seen whole = follow(bytes, bytes.size());
  for (size_t step : {size_t{1}, size_t{2}, size_t{3}, size_t{7}}) {
    Seen cut = follow(bytes, step);
    CLAIM(cut.borders == whole.borders && cut.closed == whole.closed && cut.code == whole.code);
  }
  CLAIM(whole.borders == plain.borders && whole.closed == plain.closed);
  CLAIM(whole.code == plain.code);
  return 0;
}

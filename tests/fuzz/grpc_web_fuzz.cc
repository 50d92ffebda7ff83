// The text form of gRPC-Web: however a body is cut, the same comes of it, that which a strict decoder of the whole makes of
// its padded pieces; and what is written is read again.
#include <algorithm>
#include <string>

#include "base/base64.h"
#include "fuzz.h"
#include "http/grpc_web.h"

using namespace sluice;

namespace {

struct Read {
  bool good = true;
  std::string bytes;
};

Read read(std::string_view text, size_t step, BlockPool& blocks) {
  Read out;
  http::Base64Reader reader;
  Chain bytes;
  for (size_t at = 0; out.good && at < text.size(); at += step) out.good = reader.feed(text.substr(at, step), blocks, bytes);
  out.good = out.good && reader.whole();
  if (out.good) out.bytes = bytes.to_string();
  return out;
}

/// Group by group, by the decoder of everything else.
Read read_groups(std::string_view text) {
  Read out;
  for (; !text.empty() && out.good; text.remove_prefix(std::min<size_t>(4, text.size()))) {
    std::string bytes;
    out.good = decode_base64(text.substr(0, 4), bytes);
    out.bytes += bytes;
  }
  if (!out.good) out.bytes.clear();
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text = text_of(data, size);
  BlockPool blocks;
  Read whole = read_groups(text);
  for (size_t step : {size_t{1}, size_t{2}, size_t{3}, size_t{5}, size + 1}) {
    Read cut = read(text, step, blocks);
    CLAIM(cut.good == whole.good && cut.bytes == whole.bytes);
  }
  Chain bytes, written;
  bytes.append_copy(blocks, text);
  http::append_base64(bytes, blocks, written);
  Read back = read(written.to_string(), 7, blocks);
  CLAIM(back.good && back.bytes == text);
  return 0;
}

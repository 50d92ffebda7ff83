#include "http/grpc_web.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/base64.h"

namespace sluice::http {
namespace {

constexpr uint8_t kPadding = 64, kNone = 65;

constexpr std::array<uint8_t, 256> make_digits() {
  std::array<uint8_t, 256> out{};
  out.fill(kNone);
  for (size_t i = 0; i < kBase64Alphabet.size(); ++i) {
    out[static_cast<unsigned char>(kBase64Alphabet[i])] = static_cast<uint8_t>(i);
  }
  out['='] = kPadding;
  return out;
}
constexpr std::array<uint8_t, 256> kDigits = make_digits();

// Calls write(char*), which gives its end, with room for `most` bytes at the end of `out`.
template <class Write>
bool append_written(size_t most, BlockPool& blocks, Chain& out, Write write) {
  Slice slice = blocks.scratch(most);
  const char* end = write(const_cast<char*>(slice.data));
  if (end == nullptr) return false;
  slice.size = static_cast<size_t>(end - slice.data);
  blocks.shrink_scratch(end);
  out.append(slice);
  return true;
}

std::string_view lower_name(const Field& field) {
  return field.id == FieldId::other ? field.name() : lower_field_name(field.id);
}

}  // namespace

char* Base64Reader::decode(std::string_view text, char* out) {
  for (char c : text) {
    uint8_t digit = kDigits[static_cast<unsigned char>(c)];
    bool pads = digit == kPadding;
    if (digit == kNone || (pads ? digits_ < 2 : padding_ > 0)) return nullptr;
    if (pads) ++padding_;
    word_ = word_ << 6 | (pads ? 0U : digit);
    if (++digits_ < 4) continue;
    if (padding_ > 0 && (word_ & (padding_ == 1 ? 0xffU : 0xffffU)) != 0) return nullptr;
    for (int byte = 0; byte < 3 - padding_; ++byte) *out++ = static_cast<char>(word_ >> (16 - 8 * byte) & 0xff);
    word_ = digits_ = padding_ = 0;
  }
  return out;
}

bool Base64Reader::feed(std::string_view text, BlockPool& blocks, Chain& out) {
  constexpr size_t kBegun = 2;   // bytes more than there are digits, when they end a group that began before
  constexpr size_t kPiece = BlockPool::kMedium - kBegun;
  while (!text.empty()) {
    std::string_view piece = text.substr(0, kPiece);
    text.remove_prefix(piece.size());
    if (!append_written(piece.size() + kBegun, blocks, out, [&](char* to) { return decode(piece, to); })) return false;
  }
  return true;
}

void append_base64(const Chain& bytes, BlockPool& blocks, Chain& out) {
  constexpr size_t kPiece = BlockPool::kMedium / 4 * 3;   // groups of three, but for the last
  static_assert(base64_size(kPiece) <= BlockPool::kMedium);
  bytes.each([&](const Slice& slice) {
    for (std::string_view left = slice.view(); !left.empty();) {
      std::string_view piece = left.substr(0, kPiece);
      left.remove_prefix(piece.size());
      append_written(base64_size(piece.size()), blocks, out, [&](char* to) { return write_base64(piece, to); });
    }
  });
}

void append_trailer_frame(const Fields& trailers, BlockPool& blocks, Chain& out) {
  constexpr char kTrailers = static_cast<char>(0x80);
  size_t size = 0;
  for (const Field& field : trailers) size += lower_name(field).size() + field.value_size + 4;
  auto length = static_cast<uint32_t>(size);
  const char prefix[] = {kTrailers, static_cast<char>(length >> 24), static_cast<char>(length >> 16),
                         static_cast<char>(length >> 8), static_cast<char>(length)};
  out.append_copy(blocks, {prefix, sizeof prefix});
  for (const Field& field : trailers) {
    out.append_copy(blocks, lower_name(field));
    out.append_copy(blocks, ": ");
    out.append_copy(blocks, field.value());
    out.append_copy(blocks, "\r\n");
  }
}

}  // namespace sluice::http

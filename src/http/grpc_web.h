// The body of gRPC-Web, where it differs from gRPC's: base64 in pieces, and trailers as a last frame. Knows no stream.
// Source: PROTOCOL-WEB.md of the gRPC project.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/chain.h"
#include "http/fields.h"

namespace sluice::http {

/// Base64 with padding (RFC 4648 section 4) that comes in pieces cut anywhere. Texts that were padded each for itself may
/// follow each other, as clients and servers flush them.
class Base64Reader {
 public:
  /// Appends what `text` decodes to.
  /// gives: false for a byte outside the alphabet, padding where none may be, or bits beyond the last byte that are not
  /// zero; nothing may follow then
  bool feed(std::string_view text, BlockPool& blocks, Chain& out);
  /// Every group of four that began is whole: the body may end here.
  bool whole() const { return digits_ == 0; }

 private:
  char* decode(std::string_view text, char* out);

  uint32_t word_ = 0;      // digits of the group so far
  uint8_t digits_ = 0;     // how many, padding counted
  uint8_t padding_ = 0;    // how many of them are
};

/// Appends the text of each slice, padded for itself: what comes is complete at once.
void append_base64(const Chain& bytes, BlockPool& blocks, Chain& out);

/// Appends the frame that stands for trailers: 0x80, its length in four bytes, lines of "name: value".
void append_trailer_frame(const Fields& trailers, BlockPool& blocks, Chain& out);

}  // namespace sluice::http

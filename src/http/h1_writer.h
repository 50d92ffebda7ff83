// Serialises HTTP/1.1 heads, chunks and trailers (RFC 9112). Writes only what it is given: framing is
// decided by the codec.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/chain.h"
#include "http/message.h"

namespace sluice::http {

/// Framing and connection management of the message about to be written.
struct H1Framing {
  std::optional<uint64_t> content_length;
  bool chunked = false;
  /// "close", "keep-alive" or empty (no Connection field).
  std::string_view connection;
  /// Protocol for the Upgrade field; empty: none. `connection` lists it.
  std::string_view upgrade;
};

/// Appends the request head for an upstream: origin-form (or "*"), Host first.
void write_request_head(const Head& head, const H1Framing& framing, BlockPool& blocks, Chain& out);
/// Appends a status line and fields.
void write_response_head(const Head& head, const H1Framing& framing, BlockPool& blocks, Chain& out);
/// Appends the chunk's size line, the bytes and CRLF; nothing for no bytes.
void write_chunk(Chain bytes, BlockPool& blocks, Chain& out);
/// Appends the last chunk, with trailers when given.
void write_last_chunk(const Fields* trailers, BlockPool& blocks, Chain& out);

}  // namespace sluice::http

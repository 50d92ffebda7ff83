// HTTP/1 heads and chunked bodies: llhttp in strict mode plus our own rules (docs/adr/0003-llhttp.md).
// Knows no connection: bytes in, facts or a refusal out. Whole head blocks are parsed in place, so the
// spans that llhttp reports are contiguous views.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

#include "base/arena.h"
#include "base/result.h"
#include "http/message.h"
#include "http/problem.h"
#include "http/uri.h"

namespace sluice::http {

struct H1Limits {
  size_t line_bytes_max = 8 * 1024;        // request or status line: 414
  size_t header_bytes_max = 32 * 1024;     // all field lines of one head: 431
  size_t headers_max = 100;                // field lines of one head, and of the trailers: 431
  uint64_t body_bytes_max = std::numeric_limits<uint64_t>::max();   // decoded body: 413
  PathProfile path = PathProfile::strict;
};

/// Finds the end of a head block (or trailer block) as its bytes arrive; each byte is looked at once.
/// Refuses what must never reach a parser: bare LF, obs-fold, an empty field name, NUL, over-long lines.
class HeadScanner {
 public:
  enum class State : uint8_t { incomplete, complete, refused };
  enum class Kind : uint8_t { request, response, trailers };

  HeadScanner(Kind kind, const H1Limits& limits) : limits_(&limits), kind_(kind) {}
  HeadScanner(Kind kind, const H1Limits&& limits) = delete;   // the limits must outlive it
  /// `bytes` is everything since the head's first byte, each call with more of it.
  /// One CRLF before a request line is allowed (RFC 9112 section 2.2) and counted in skipped().
  State scan(std::string_view bytes);
  /// Bytes of the block, its last CRLFCRLF included; and of the empty line before it.
  size_t size() const { return size_; }
  size_t skipped() const { return skipped_; }
  const Problem& problem() const { return *problem_; }
  /// Some byte of the message has arrived (a CRLF before it does not count).
  bool started() const { return problem_ != nullptr || next_ > skipped_; }

 private:
  State refuse(const Problem& problem);
  const H1Limits* limits_;
  const Problem* problem_ = nullptr;
  State end_line(std::string_view bytes);
  bool in_fields() const { return kind_ == Kind::trailers || fields_start_ != 0; }
  const Problem* over_limit() const;
  size_t next_ = 0;         // first byte not looked at yet
  size_t line_start_ = 0;
  size_t fields_start_ = 0;   // end of the first line; 0 before it and in trailers
  size_t size_ = 0;
  uint16_t lines_ = 0;
  uint8_t skipped_ = 0;
  Kind kind_;
};

/// Parses one whole request head into the normal form.
/// needs: `block` accepted by HeadScanner, living in `arena`
/// gives: nullptr when `head` is good; otherwise the problem (400 413 414 417 431 501 505), `head` holding
/// what was understood
const Problem* parse_request_head(std::string_view block, const H1Limits& limits, Arena& arena, Head& head);

/// The same for a response to `method`. 1xx, 204, 304 and replies to HEAD have Body::none whatever they declare.
/// errors: bad_message (side upstream)
Result<void> parse_response_head(std::string_view block, const H1Limits& limits, Method method, Arena& arena, Head& head);

/// Parses a trailer block of `sender` (its final empty line included); framing, routing and authentication fields are
/// refused or left out, as accept_trailers() says (RFC 9110 section 6.5.1).
const Problem* parse_trailers(std::string_view block, Side sender, Fields& trailers);

/// Decodes a chunked body (RFC 9112 section 7.1), strictly: no white space around sizes, CRLF only, bounded
/// extensions and leading zeros. Trailers are not its business: it stops after the last chunk's size line.
class ChunkDecoder {
 public:
  enum class State : uint8_t {
    more,      // all bytes taken
    data,      // `data` holds body bytes: call again with the rest
    last,      // the zero chunk's line is complete: a trailer block follows (at least CRLF)
    refused,   // see problem()
  };
  struct Step {
    State state;
    size_t taken;              // bytes of the input used up, data included
    std::string_view data;     // view into the input
  };
  /// Bytes of extensions and leading zeros beyond this many, plus one per body byte, are refused
  /// (CVE-2024-22019). What a chunk cannot do without is not counted: one-byte chunks are legitimate.
  static constexpr size_t kOverheadBytesMax = 16 * 1024;

  Step feed(std::string_view bytes);
  const Problem& problem() const { return *problem_; }
  /// Body bytes announced so far, the chunk under way counted whole: a limit refuses before its data comes.
  uint64_t body_bytes() const { return body_bytes_; }
  /// What is left of the chunk under way (for RawRun).
  uint64_t chunk_left() const { return chunk_left_; }

 private:
  enum class Position : uint8_t {
    size, extension, name, value_start, value, quoted, quoted_end, size_lf,
    data, data_cr, data_lf, done,
  };
  const Problem* size_line(char c);
  const Problem* size_digit(int digit);
  const Problem* extension(char c);
  void end_size_line();
  Step refuse(const Problem& problem);
  const Problem* problem_ = nullptr;
  uint64_t chunk_left_ = 0;
  uint64_t body_bytes_ = 0;
  size_t overhead_bytes_ = 0;
  uint8_t digits_ = 0;
  Position position_ = Position::size;
};

}  // namespace sluice::http

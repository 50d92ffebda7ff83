// Header lists of HTTP/2 from and into the one normal form of message.h. Knows no frames and no HPACK; pure functions.
// Source: RFC 9113 section 8.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/h1_parser.h"
#include "http/message.h"
#include "http/problem.h"

namespace sluice::http {

/// Pieces of one Cookie (RFC 9113 section 8.2.3). Browsers keep at most 180 cookies for a site.
inline constexpr size_t kCookiePiecesMax = 1000;

/// One header list as it comes out of HPACK, in one piece of memory that is used again, unless it was a large one. What
/// is beyond the limits is counted and not kept.
class H2HeaderList {
 public:
  struct Entry {
    uint32_t name_at, name_size, value_at, value_size;
  };

  void clear();
  void add(std::string_view name, std::string_view value, const H1Limits& limits);
  /// Of all that came, each field as long as its line would be in HTTP/1.
  size_t bytes() const { return line_bytes_ + field_bytes_; }
  const Problem* problem() const { return problem_; }
  const std::vector<Entry>& entries() const { return entries_; }
  std::string_view text() const { return text_; }
  /// Kept for the next list.
  size_t memory_bytes() const { return text_.capacity() + entries_.capacity() * sizeof(Entry); }

 private:
  std::string text_;
  std::vector<Entry> entries_;
  size_t line_bytes_ = 0;
  size_t field_bytes_ = 0;
  size_t counted_ = 0;   // entries that are fields of their own
  size_t pieces_ = 0;    // and of the one Cookie
  const Problem* problem_ = nullptr;
};

/// `end`: the request has no body. An extended CONNECT is read as the GET with `upgrade` that it is in HTTP/1.
/// gives: nullptr when `head` is good; otherwise the problem, `head` holding what was understood
const Problem* read_h2_request(const H2HeaderList& list, const H1Limits& limits, End end, Arena& arena, Head& head);
/// The same for a response to `method` (connect: an extended one), 1xx too.
/// errors: bad_message (side upstream)
Result<void> read_h2_response(const H2HeaderList& list, Method method, End end, Arena& arena, Head& head);
/// The trailers of a message of `sender`, held to accept_trailers().
const Problem* read_h2_trailers(const H2HeaderList& list, Side sender, Arena& arena, Fields& trailers);

/// One field to be sent; `lower`: the name is in lower case already, and stays where it is.
struct H2Field {
  std::string_view name;
  std::string_view value;
  bool lower = false;
  FieldId id = FieldId::other;
};

/// Puts header lists together. What it gives views the head, and memory of its own that is used again: valid until
/// the next call.
class H2FieldWriter {
 public:
  using Fields = std::vector<H2Field>;

  /// `length`: announce head.content_length.
  const Fields& response(const Head& head, bool length);
  const Fields& request(const Head& head, Scheme scheme, bool length);
  const Fields& trailers(const http::Fields& fields);

 private:
  enum class Cookies : uint8_t { whole, split };
  void add_fields(const http::Fields& fields, Cookies cookies);
  void add_cookies(std::string_view value);
  void add_length(const Head& head);

  Fields fields_;
  std::string path_;
  char status_[20];
  char length_[20];
};

}  // namespace sluice::http

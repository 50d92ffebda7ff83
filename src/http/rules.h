// What RFC 9110 and 9112 demand of a head beyond its syntax: start lines, framing, hop-by-hop
// fields, refusals against request smuggling. Pure functions; each refusal is in h1_problems.h.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "http/fields.h"
#include "http/message.h"
#include "http/problem.h"

namespace sluice::http {

struct RequestLine {
  std::string_view method;
  std::string_view target;
  Version version = Version::h1_1;
};

/// Cuts "METHOD SP target SP HTTP/1.x" at its two spaces; `line` has no CRLF.
/// gives: nullptr, or the problem, with `out` filled as far as it goes
const Problem* split_request_line(std::string_view line, RequestLine& out);

/// Unknown methods, CONNECT and TRACE are 501. TRACE: 405 would need an Allow of a resource that
/// nobody has been asked for.
const Problem* check_method(Method method);

struct StatusLine {
  std::string_view reason;
  uint16_t status = 0;
  Version version = Version::h1_1;
};

/// Cuts "HTTP/1.x SP 3DIGIT [SP reason]"; the status is 100..999 (above 599 is passed on as it is).
/// gives: false when it is no such line
bool split_status_line(std::string_view line, StatusLine& out);

/// What the framing and hop-by-hop fields of one head say, found in one pass over all fields.
struct Declared {
  /// Fields beyond the usual ones that a Connection field may name. More are refused: each costs a
  /// comparison with every field of the head.
  static constexpr size_t kNamedMax = 8;

  std::string_view host;
  std::string_view content_length;
  std::string_view transfer_encoding;
  std::string_view upgrade;
  uint16_t hosts = 0;
  uint16_t content_lengths = 0;
  uint16_t transfer_encodings = 0;
  uint16_t upgrades = 0;
  bool close = false;             // Connection options
  bool keep_alive = false;
  bool lists_upgrade = false;
  bool bad_connection = false;    // no token, or more than kNamedMax
  bool names_end_to_end = false;  // Connection names a field that Sluice knows to be end-to-end
  bool expects_continue = false;
  bool expects_other = false;
  bool takes_trailers = false;    // TE: trailers
  bool ambiguous_name = false;    // Content_Length, Transfer_Encoding
  std::optional<uint32_t> keep_alive_seconds;
  uint8_t named_count = 0;
  std::array<std::string_view, kNamedMax> named{};   // views into the values of Connection
};

Declared read_declared(const Fields& fields);

/// Turns `declared` into the facts of `head` (body, content_length, keep_alive, upgrade,
/// expect_continue, takes_trailers), or refuses it. needs: head.method, head.version gives:
/// nullptr, or the problem (400 413 417 501)
const Problem* apply_request_rules(const Declared& declared, uint64_t body_bytes_max, Head& head);

/// The same for a response to `method`. see: RFC 9112 section 6.3
/// needs: head.status, head.version
/// gives: nullptr, or what is wrong with it
const Problem* apply_response_rules(const Declared& declared, Method method, Head& head);

/// Removes the fields that end at this hop and those that Connection names; Trailer stays.
void drop_hop_by_hop(const Declared& declared, Fields& fields);

/// Connection, Keep-Alive, TE, Transfer-Encoding, ...: never passed on. True for Host, Expect and
/// Content-Length too, which are facts of the Head; false for Trailer.
bool is_hop_by_hop(FieldId id);

/// May stand in a trailer: not framing, routing or authentication, nor what describes the body or
/// must be known before it. see: RFC 9110 section 6.5.1
bool may_be_trailer(FieldId id, std::string_view name);

/// Holds trailers to may_be_trailer(). A client's are refused; of an upstream's response, which is on its way by then, the
/// field alone is left out, unless it ends at the hop (is_hop_by_hop).
/// gives: false when they are refused
bool accept_trailers(Side sender, Fields& trailers);

inline constexpr std::string_view kGrpcType = "application/grpc";
/// Whether a media type is `which`, alone or with "+" and a format. `rest`: that, and parameters
bool is_grpc_type(std::string_view type, std::string_view which, std::string_view& rest);
/// Content-Type is kGrpcType, or that with a "+" and a format. Not gRPC-Web.
bool is_grpc(const Head& message);

/// At most 19 digits, no sign, no leading zero.
std::optional<uint64_t> parse_content_length(std::string_view value);

}  // namespace sluice::http

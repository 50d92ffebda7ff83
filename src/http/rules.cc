#include "http/rules.h"

#include "base/text.h"
#include "http/h1_problems.h"

namespace sluice::http {

namespace {

/// A transfer coding that is registered, but that Sluice does not decode.
bool is_other_coding(std::string_view coding) {
  for (std::string_view known : {"gzip", "x-gzip", "deflate", "compress", "x-compress"}) {
    if (equals_ignore_case(coding, known)) return true;
  }
  return false;
}

/// 501 when every coding of the list is one that exists, otherwise 400.
const Problem* refuse_coding(std::string_view list) {
  bool all_known = true;
  size_t count = 0;
  each_list_element(list, [&](std::string_view coding) {
    bool last_chunked = equals_ignore_case(coding, "chunked");
    all_known = all_known && (is_other_coding(coding) || (last_chunked && count > 0));
    ++count;
    return all_known;
  });
  return count > 0 && all_known ? &kUnknownTransferCoding : &kBadTransferEncoding;
}

/// The framing fields that both sides share. gives: nullptr with `chunked` or `length` set, or
/// neither
const Problem* read_framing(const Declared& declared, Version version, bool& chunked,
                            std::optional<uint64_t>& length) {
  if (declared.ambiguous_name) return &kAmbiguousFieldName;
  if (declared.transfer_encodings > 0) {
    if (declared.content_lengths > 0 || declared.transfer_encodings > 1)
      return &kBadTransferEncoding;
    if (version != Version::h1_1) return &kBadTransferEncoding;
    if (!equals_ignore_case(declared.transfer_encoding, "chunked")) {
      return refuse_coding(declared.transfer_encoding);
    }
    chunked = true;
  }
  if (declared.content_lengths > 0) {
    length = parse_content_length(declared.content_length);
    if (declared.content_lengths > 1 || !length) return &kBadContentLength;
  }
  return nullptr;
}

bool stays_open(const Declared& declared, Version version) {
  return !declared.close && (version == Version::h1_1 || declared.keep_alive);
}

/// The protocol of Upgrade, when Connection lists it and it is one. Several at once, or h2c
/// (obsolete since RFC 9113), count as none: a server may ignore Upgrade, and what is ignored
/// cannot be read two ways.
std::string_view read_upgrade(const Declared& declared, Version version) {
  bool valid = declared.lists_upgrade && declared.upgrades == 1 && version == Version::h1_1 &&
               declared.upgrade.find(',') == std::string_view::npos &&
               !equals_ignore_case(declared.upgrade, "h2c");
  return valid ? declared.upgrade : std::string_view{};
}

}  // namespace

const Problem* check_method(Method method) {
  switch (method) {
    case Method::unknown: return &kUnknownMethod;
    case Method::connect: return &kConnectRefused;
    case Method::trace: return &kTraceRefused;
    default: return nullptr;   // every other method is forwarded
  }
}

std::optional<uint64_t> parse_content_length(std::string_view value) {
  constexpr size_t kDigitsMax = 19;   // fits in 64 bits, whatever the digits
  if (value.size() > kDigitsMax || (value.size() > 1 && value.front() == '0')) return std::nullopt;
  return parse_decimal(value);
}

const Problem* apply_request_rules(const Declared& declared, uint64_t body_bytes_max, Head& head) {
  if (declared.hosts > 1) return &kBadHost;
  if (declared.hosts == 0 && head.version == Version::h1_1) return &kMissingHost;
  bool chunked = false;
  if (const Problem* problem = read_framing(declared, head.version, chunked, head.content_length)) {
    return problem;
  }
  // "Connection: authorization" would make the gateway strip what it, or a proxy before it, vouches
  // for.
  if (declared.bad_connection || declared.names_end_to_end) return &kBadConnection;
  if (declared.expects_other) return &kBadExpect;
  if (head.content_length.value_or(0) > body_bytes_max) return &kBodyTooLarge;
  head.body = chunked ? Body::streamed : head.content_length ? Body::length : Body::none;
  head.keep_alive = stays_open(declared, head.version);
  head.upgrade = read_upgrade(declared, head.version);
  // RFC 9110 section 10.1.1: ignored from HTTP/1.0, and meaningless without a body.
  head.expect_continue = declared.expects_continue && head.version == Version::h1_1 &&
                         (chunked || head.content_length.value_or(0) > 0);
  head.takes_trailers = declared.takes_trailers && head.version == Version::h1_1;
  return nullptr;
}

const Problem* apply_response_rules(const Declared& declared, Method method, Head& head) {
  bool chunked = false;
  if (const Problem* problem = read_framing(declared, head.version, chunked, head.content_length)) {
    return problem;
  }
  if (declared.bad_connection) return &kBadConnection;
  head.keep_alive = stays_open(declared, head.version);
  head.keep_alive_seconds = declared.keep_alive_seconds;
  head.upgrade = read_upgrade(declared, head.version);
  bool never_body = head.status < 200 || head.status == 204;
  if (never_body || head.status == 304 || method == Method::head) {
    head.body = Body::none;
    // Some servers send the last chunk after such a head: nothing after it can be trusted.
    if (never_body && chunked) head.keep_alive = false;
  } else if (chunked) {
    head.body = Body::streamed;
  } else if (head.content_length) {
    head.body = Body::length;
  } else {
    head.body = Body::to_close;
    head.keep_alive = false;
  }
  return nullptr;
}

}  // namespace sluice::http

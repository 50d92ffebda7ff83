// Header lists of HTTP/2 as HPACK gives them, of requests, responses and trailers: what is accepted is in the normal form of
// message.h, and written anew it is read as the same message.
#include <algorithm>
#include <array>
#include <string>

#include "base/text.h"
#include "fuzz.h"
#include "http/h2_head.h"
#include "http/rules.h"
#include "http/uri.h"

using namespace sluice;
using namespace sluice::http;

namespace {

constexpr H1Limits kTight{.line_bytes_max = 256, .header_bytes_max = 1024, .headers_max = 16, .body_bytes_max = 1'000'000};

/// A list that is used again, as a session does it.
class Lists {
 public:
  /// "name:value" in lines; a name may begin with a colon.
  const H2HeaderList& of(std::string_view text);
  const H2HeaderList& of(const H2FieldWriter::Fields& fields);

 private:
  H2HeaderList list_;
};

const H2HeaderList& Lists::of(std::string_view text) {
  list_.clear();
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    size_t colon = std::min(line.find(':', 1), line.size());
    list_.add(line.substr(0, colon), line.substr(std::min(colon + 1, line.size())), kTight);
  }
  return list_;
}

const H2HeaderList& Lists::of(const H2FieldWriter::Fields& fields) {
  list_.clear();
  for (const H2Field& field : fields) {
    std::string name(field.name);
    for (char& c : name) c = ascii_lower(c);   // as nghttp2 does it
    list_.add(name, field.value, H1Limits{});
  }
  return list_;
}

void check_fields(const Fields& fields) {
  CLAIM(fields.size() <= kTight.headers_max + 4);
  for (const Field& field : fields) {
    CLAIM(!is_hop_by_hop(field.id) && is_token(field.name()) && is_field_value(field.value()));
    bool joined = field.id == FieldId::cookie;   // that one has its usual spelling
    CLAIM(joined || std::ranges::none_of(field.name(), [](char c) { return c >= 'A' && c <= 'Z'; }));
    CLAIM(trim_ows(field.value()).size() == field.value().size());
  }
}

/// The same, but for Cookie's place among the others; the key of a handshake is written for none.
void check_same(const Fields& one, const Fields& two) {
  auto next = [](const Field*& at, const Field* end) {
    while (at != end && (at->id == FieldId::cookie || at->id == FieldId::sec_websocket_key)) ++at;
    return at == end ? nullptr : at++;
  };
  const Field *first = one.begin(), *second = two.begin();
  while (true) {
    const Field *a = next(first, one.end()), *b = next(second, two.end());
    CLAIM((a == nullptr) == (b == nullptr));
    if (a == nullptr) break;
    CLAIM(a->name() == b->name() && a->value() == b->value());
  }
}

void check_request(const Head& head, End end) {
  CLAIM(head.version == Version::h2 && head.keep_alive);
  CLAIM(head.method != Method::unknown && head.method != Method::connect && head.method != Method::trace);
  check_fields(head.fields);
  CLAIM(!head.fields.has(FieldId::cookie) || head.fields.count(FieldId::cookie) == 1);
  BlockPool pool;
  Arena arena(pool);
  std::string_view authority, host;
  CLAIM(!head.host.empty() && parse_authority(head.authority, head.scheme, arena, authority, host));
  CLAIM(authority == head.authority && host == head.host);
  const Problem* problem = nullptr;
  CLAIM(head.asterisk ? head.path == "*" && head.method == Method::options
                      : canonical_path(head.path, kTight.path, arena, problem) == head.path);
  CLAIM(head.upgrade.empty() || (head.method == Method::get && equals_ignore_case(head.upgrade, kWebSocket)));
  CLAIM(head.content_length.value_or(0) <= kTight.body_bytes_max);
  CLAIM((head.body == Body::length) <= head.content_length.has_value() && head.body != Body::to_close);
  bool tunnels = !head.upgrade.empty();
  if (end == End::yes && !tunnels) CLAIM(head.body == Body::none && head.content_length.value_or(0) == 0);
  if (end == End::no && !tunnels) CLAIM(head.body != Body::none);
}

void request(std::string_view text, End end) {
  BlockPool pool;
  Arena arena(pool), other(pool);
  Head head(arena), again(other);
  Lists lists;
  if (read_h2_request(lists.of(text), kTight, end, arena, head)) return;
  check_request(head, end);
  H2FieldWriter writer;
  CLAIM(!read_h2_request(lists.of(writer.request(head, head.scheme, true)), H1Limits{}, end, other, again));
  CLAIM(again.method == head.method && again.scheme == head.scheme && again.upgrade == head.upgrade);
  CLAIM(again.authority == head.authority && again.path == head.path && again.asterisk == head.asterisk);
  CLAIM(again.query == head.query && again.has_query == head.has_query);
  CLAIM(again.body == head.body && again.content_length == head.content_length);
  CLAIM(again.takes_trailers == head.takes_trailers && again.expect_continue == head.expect_continue);
  check_same(head.fields, again.fields);
  CLAIM(again.fields.get(FieldId::cookie).value_or("") == head.fields.get(FieldId::cookie).value_or(""));
}

void response(std::string_view text, End end, Method method) {
  BlockPool pool;
  Arena arena(pool), other(pool);
  Head head(arena), again(other);
  Lists lists;
  if (!read_h2_response(lists.of(text), method, end, arena, head)) return;
  CLAIM(head.status >= 100 && head.status <= 999 && head.version == Version::h2);
  CLAIM(head.upgrade.empty() && head.keep_alive);
  check_fields(head.fields);
  bool tunnel = method == Method::connect && head.status / 100 == 2;
  bool bodiless = head.status < 200 || head.status == 204 || head.status == 304 || method == Method::head || end == End::yes;
  CLAIM(tunnel ? head.body == Body::streamed && !head.content_length : bodiless == (head.body == Body::none));
  CLAIM((head.body == Body::length) <= head.content_length.has_value() && head.body != Body::to_close);
  bool length = head.status >= 200 && head.status != 204;
  H2FieldWriter writer;
  CLAIM(read_h2_response(lists.of(writer.response(head, length)), method, end, other, again));
  CLAIM(again.status == head.status && again.body == head.body);
  if (length) CLAIM(again.content_length == head.content_length);
  check_same(head.fields, again.fields);
}

void trailers(std::string_view text, Side sender) {
  BlockPool pool;
  Arena arena(pool);
  Fields fields(arena), again(arena);
  Lists lists;
  if (read_h2_trailers(lists.of(text), sender, arena, fields)) return;
  check_fields(fields);
  for (const Field& field : fields) CLAIM(may_be_trailer(field.id, field.name()));
  H2FieldWriter writer;
  CLAIM(!read_h2_trailers(lists.of(writer.trailers(fields)), Side::client, arena, again));
  check_same(fields, again);
}

}  // namespace

// The first byte says what the list is of.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string_view text = text_of(data + 1, size - 1);
  constexpr std::array<Method, 3> kMethods{Method::get, Method::head, Method::connect};
  End end = data[0] & 1 ? End::yes : End::no;
  switch (data[0] / 2 % 5) {
    case 0: trailers(text, data[0] & 1 ? Side::upstream : Side::client); break;
    case 1: request(text, end); break;
    default: response(text, end, kMethods[data[0] / 2 % 5 - 2]); break;
  }
  return 0;
}

#include "http/h2_head.h"

#include <algorithm>

#include "base/text.h"
#include "http/h1_problems.h"
#include "http/h2_problems.h"
#include "http/rules.h"

namespace sluice::http {
namespace {

/// The pseudo-header fields of one list.
struct Pseudo {
  std::string_view method, scheme, authority, path, status, protocol;
  bool has_authority = false;
  uint8_t seen = 0;   // a bit for each

  bool set(std::string_view& field, uint8_t bit, std::string_view value) {
    if (seen & bit) return false;
    seen = static_cast<uint8_t>(seen | bit);
    field = value;
    return true;
  }
};
enum : uint8_t { kMethod = 1, kScheme = 2, kAuthority = 4, kPath = 8, kStatus = 16, kProtocol = 32 };

bool set_pseudo(std::string_view name, std::string_view value, Pseudo& out) {
  if (name == ":method") return out.set(out.method, kMethod, value);
  if (name == ":scheme") return out.set(out.scheme, kScheme, value);
  if (name == ":authority") return out.set(out.authority, kAuthority, value);
  if (name == ":path") return out.set(out.path, kPath, value);
  if (name == ":status") return out.set(out.status, kStatus, value);
  if (name == ":protocol") return out.set(out.protocol, kProtocol, value);
  return false;
}

// RFC 9113 section 8.2.1.
const Problem* check_field(FieldId id, std::string_view name, std::string_view value) {
  if (id != FieldId::other) {   // which it is in whatever case
    if (name != lower_field_name(id)) return &kUpperCaseName;
  } else {
    if (!is_token(name)) return &kBadFieldName;
    if (std::any_of(name.begin(), name.end(), [](char c) { return c >= 'A' && c <= 'Z'; })) return &kUpperCaseName;
  }
  if (!is_field_value(value) || trim_ows(value).size() != value.size()) return &kBadField;
  switch (id) {
    case FieldId::connection: case FieldId::keep_alive: case FieldId::proxy_connection:
    case FieldId::transfer_encoding: case FieldId::upgrade: return &kConnectionField;
    case FieldId::te: return equals_ignore_case(value, "trailers") ? nullptr : &kConnectionField;
    default: return nullptr;
  }
}

// RFC 9113 section 8.2.3: split for HPACK's sake, one field for everybody else. Empty parts would leave white space at its end.
void join_cookies(Fields& fields) {
  if (!fields.has(FieldId::cookie) || fields.count(FieldId::cookie) < 2) return;
  size_t size = 0;
  for (const Field& field : fields) {
    if (field.id == FieldId::cookie) size += field.value_size + 2;
  }
  char* text = fields.arena().text(size);
  char* out = text;
  for (const Field& field : fields) {
    if (field.id != FieldId::cookie || field.value_size == 0) continue;
    if (out != text) out = std::copy_n("; ", 2, out);
    out = std::copy_n(field.value_data, field.value_size, out);
  }
  fields.set(FieldId::cookie, {text, static_cast<size_t>(out - text)});
}

/// Copies the list into the arena, in one piece, and sorts it into pseudo-header fields and others.
/// White space around a value is malformed (RFC 9113 section 8.2.1): a client is told so. Of what a server says it is cut
/// off, as in HTTP/1, where nobody ever told those that send it.
/// gives: nullptr, or the first thing that is wrong with it
const Problem* read_list(const H2HeaderList& list, Side sender, Arena& arena, Pseudo& pseudo, Fields& fields) {
  std::string_view text = arena.copy(list.text());
  const Problem* problem = list.problem();
  bool regular = false;
  for (const H2HeaderList::Entry& entry : list.entries()) {
    std::string_view name = text.substr(entry.name_at, entry.name_size);
    std::string_view value = text.substr(entry.value_at, entry.value_size);
    if (name.starts_with(':')) {
      if (regular || !is_field_value(value) || !set_pseudo(name, value, pseudo)) {
        if (!problem) problem = &kBadPseudoField;
      }
      continue;
    }
    regular = true;
    if (sender == Side::upstream) value = trim_ows(value);
    FieldId id = field_id(name);
    if (const Problem* found = check_field(id, name, value)) {
      if (!problem) problem = found;
      continue;   // not even a log sees it
    }
    fields.add(id, name, value);
  }
  join_cookies(fields);
  return problem;
}

/// :authority stands for Host; where both are given they must agree.
const Problem* read_host(const Pseudo& pseudo, const Declared& declared, PathProfile profile, Arena& arena, Head& head) {
  bool has_authority = (pseudo.seen & kAuthority) != 0;
  if (!has_authority && declared.hosts == 0) return &kMissingHost;
  const std::string_view& from = has_authority ? pseudo.authority : declared.host;
  if (const Problem* problem = parse_target(arena, profile, &from, head)) return problem;
  if (!has_authority || declared.hosts == 0) return nullptr;
  std::string_view authority, host;
  if (!parse_authority(declared.host, head.scheme, arena, authority, host)) return &kBadHost;
  return authority == head.authority ? nullptr : &kHostMismatch;
}

const Problem* read_body(End end, const Declared& declared, uint64_t most, Head& head) {
  if (const Problem* problem = apply_request_rules(declared, most, head)) return problem;
  head.keep_alive = true;
  head.upgrade = {};
  head.takes_trailers = declared.takes_trailers;
  if (end == End::yes) {
    head.body = Body::none;
    return head.content_length.value_or(0) > 0 ? &kBadContentLength : nullptr;
  }
  head.body = head.content_length ? Body::length : Body::streamed;
  head.expect_continue = declared.expects_continue;
  return nullptr;
}

// RFC 8441 section 4: an extended CONNECT. It becomes the GET with Upgrade that it would be in HTTP/1; what follows the
// head is no body.
void read_tunnel(const Pseudo& pseudo, Head& head) {
  head.upgrade = pseudo.protocol;
  head.body = head.content_length ? Body::length : Body::none;
  head.expect_continue = false;
}

Error bad_response(const char* what) { return Error{Code::bad_message, Side::upstream, Progress::answered, what}; }

}  // namespace

void H2HeaderList::clear() {
  constexpr size_t kTextKept = 4096, kEntriesKept = 64;   // above usual heads; kH2Bytes counts no more
  if (text_.capacity() > kTextKept) std::string().swap(text_);
  if (entries_.capacity() > kEntriesKept) std::vector<Entry>().swap(entries_);
  text_.clear();
  entries_.clear();
  line_bytes_ = field_bytes_ = counted_ = pieces_ = 0;
  problem_ = nullptr;
}

void H2HeaderList::add(std::string_view name, std::string_view value, const H1Limits& limits) {
  bool pseudo = name.starts_with(':');   // what is the request line in HTTP/1
  bool piece = name == "cookie";
  size_t& bytes = pseudo ? line_bytes_ : field_bytes_;
  bytes += name.size() + value.size() + 4;
  const Problem* problem = nullptr;
  if (pseudo && line_bytes_ > limits.line_bytes_max) {
    problem = &kRequestLineTooLong;
  } else if (field_bytes_ > limits.header_bytes_max || name.size() > Fields::kNameBytesMax) {
    problem = &kHeadersTooLarge;
  } else if (piece ? pieces_ == kCookiePiecesMax : counted_ == limits.headers_max + 4) {   // and the pseudo-header fields
    problem = &kTooManyHeaders;
  }
  if (!problem_) problem_ = problem;
  if (problem) return;   // what fits is kept: the refusal of a long path is told in the client's terms
  auto at = static_cast<uint32_t>(text_.size());
  auto name_size = static_cast<uint32_t>(name.size());
  ++(piece ? pieces_ : counted_);
  entries_.push_back({at, name_size, at + name_size, static_cast<uint32_t>(value.size())});
  text_.append(name).append(value);
}

const Problem* read_h2_request(const H2HeaderList& list, const H1Limits& limits, End end, Arena& arena, Head& head) {
  Pseudo pseudo;
  head.version = Version::h2;
  const Problem* problem = read_list(list, Side::client, arena, pseudo, head.fields);
  head.method = method_from(pseudo.method);
  head.target = pseudo.path;
  head.scheme = pseudo.scheme == "https" ? Scheme::https : Scheme::http;
  if (problem) return problem;
  constexpr uint8_t kNeeded = kMethod | kScheme | kPath;
  bool tunnels = (pseudo.seen & kProtocol) != 0;
  if (tunnels && (head.method != Method::connect || !is_token(pseudo.protocol))) return &kBadPseudoField;
  if (tunnels) head.method = Method::get;
  bool connects = head.method == Method::connect;   // has neither scheme nor path, and is refused anyway
  if (!connects && ((pseudo.seen & kNeeded) != kNeeded || (pseudo.seen & kStatus))) return &kBadPseudoField;
  if ((problem = check_method(head.method))) return problem;
  if (pseudo.scheme != "https" && pseudo.scheme != "http") return &kBadTarget;
  if (!head.target.starts_with('/') && head.target != "*") return &kBadTarget;
  Declared declared = read_declared(head.fields);
  drop_hop_by_hop(declared, head.fields);
  if ((problem = read_body(tunnels ? End::no : end, declared, limits.body_bytes_max, head))) return problem;
  if (tunnels) read_tunnel(pseudo, head);
  if ((problem = read_host(pseudo, declared, limits.path, arena, head))) return problem;
  return tunnels && !equals_ignore_case(pseudo.protocol, kWebSocket) ? &kProtocolUnknown : nullptr;
}

Result<void> read_h2_response(const H2HeaderList& list, Method method, End end, Arena& arena, Head& head) {
  Pseudo pseudo;
  head.version = Version::h2;
  if (const Problem* problem = read_list(list, Side::upstream, arena, pseudo, head.fields)) return bad_response(problem->title.data());
  auto status = parse_decimal(pseudo.status);
  if (pseudo.seen != kStatus || pseudo.status.size() != 3 || !status || *status < 100) {
    return bad_response("malformed :status");
  }
  head.status = static_cast<uint16_t>(*status);
  Declared declared = read_declared(head.fields);
  drop_hop_by_hop(declared, head.fields);
  if (const Problem* problem = apply_response_rules(declared, method, head)) return bad_response(problem->title.data());
  head.upgrade = {};
  head.keep_alive = true;
  if (method == Method::connect && head.status >= 200 && head.status < 300) {   // a tunnel: it has no length
    head.content_length.reset();
    head.body = Body::streamed;
    return {};
  }
  if (head.status < 200) return end == End::no ? Result<void>{} : bad_response("an interim response that ends the stream");
  bool body_allowed = head.status != 204 && head.status != 304 && method != Method::head;
  if (end == End::yes) {
    head.body = Body::none;
    if (body_allowed && head.content_length.value_or(0) > 0) return bad_response("no body where one was announced");
  } else if (body_allowed) {
    head.body = head.content_length ? Body::length : Body::streamed;
  }
  return {};
}

const Problem* read_h2_trailers(const H2HeaderList& list, Side sender, Arena& arena, Fields& trailers) {
  Pseudo pseudo;
  if (const Problem* problem = read_list(list, sender, arena, pseudo, trailers)) return problem;
  if (pseudo.seen != 0) return &kBadPseudoField;
  return accept_trailers(sender, trailers) ? nullptr : &kBadTrailer;
}

// RFC 9113 section 8.2.3: split at "; ". Not where a part would begin or end with white space, which makes a message
// malformed (section 8.2.1), or be empty: nothing is lost when the parts are joined again. And not into more parts than
// servers like to count.
void H2FieldWriter::add_cookies(std::string_view value) {
  constexpr int kPartsMax = 32;
  int parts = 1;
  auto is_text = [](char c) { return c != ' ' && c != '\t'; };
  size_t from = 0;   // of the part under way
  for (size_t at = value.find("; "); at != value.npos; at = value.find("; ", at + 1)) {
    bool splits = at > from && is_text(value[at - 1]) && at + 2 < value.size() && is_text(value[at + 2]);
    if (!splits) continue;
    if (++parts > kPartsMax) break;
    fields_.push_back({lower_field_name(FieldId::cookie), value.substr(from, at - from), true});
    from = at + 2;
  }
  if (!value.empty()) fields_.push_back({lower_field_name(FieldId::cookie), value.substr(from), true});
}

void H2FieldWriter::add_fields(const http::Fields& fields, Cookies cookies) {
  for (const Field& field : fields) {
    if (field.id == FieldId::cookie && cookies == Cookies::split) {
      add_cookies(field.value());
    } else if (field.id == FieldId::other) {
      fields_.push_back({field.name(), field.value(), false});
    } else {
      fields_.push_back({lower_field_name(field.id), field.value(), true, field.id});
    }
  }
}

void H2FieldWriter::add_length(const Head& head) {
  char* end = write_decimal(length_, *head.content_length);
  std::string_view text{length_, static_cast<size_t>(end - length_)};
  fields_.push_back({lower_field_name(FieldId::content_length), text, true});
}

const H2FieldWriter::Fields& H2FieldWriter::response(const Head& head, bool length) {
  fields_.clear();
  char* end = write_decimal(status_, head.status);
  fields_.push_back({":status", {status_, static_cast<size_t>(end - status_)}, true});
  add_fields(head.fields, Cookies::whole);
  if (length && head.content_length) add_length(head);
  return fields_;
}

const H2FieldWriter::Fields& H2FieldWriter::request(const Head& head, Scheme scheme, bool length) {
  fields_.clear();
  path_.assign(head.path);
  if (head.has_query) path_.append("?").append(head.query);
  bool tunnels = !head.upgrade.empty();
  fields_.push_back({":method", method_name(tunnels ? Method::connect : head.method), true});
  if (tunnels) fields_.push_back({":protocol", head.upgrade, true});
  fields_.push_back({":scheme", scheme == Scheme::https ? "https" : "http", true});
  if (!head.authority.empty()) fields_.push_back({":authority", head.authority, true});
  fields_.push_back({":path", path_, true});
  add_fields(head.fields, Cookies::split);
  if (tunnels) {   // the key is of HTTP/1's handshake alone (RFC 8441 section 5)
    const char* key = lower_field_name(FieldId::sec_websocket_key).data();
    std::erase_if(fields_, [key](const H2Field& field) { return field.name.data() == key; });
  }
  if (length && head.content_length) add_length(head);
  if (head.takes_trailers) fields_.push_back({"te", "trailers", true});
  if (head.expect_continue) fields_.push_back({"expect", "100-continue", true});
  return fields_;
}

const H2FieldWriter::Fields& H2FieldWriter::trailers(const http::Fields& fields) {
  fields_.clear();
  add_fields(fields, Cookies::whole);
  return fields_;
}

}  // namespace sluice::http

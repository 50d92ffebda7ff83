// Heads of requests and responses: our start line rules, llhttp over all field lines, our framing
// rules. The only file that knows llhttp. It never sees a body: it is stopped when the head is
// complete.
#include <llhttp.h>

#include "base/check.h"
#include "base/text.h"
#include "http/h1_parser.h"
#include "http/h1_problems.h"
#include "http/rules.h"

namespace sluice::http {

namespace {

/// Puts the spans of one llhttp_execute together: each field's name and value are one span of the
/// block, because HeadScanner has refused folded lines.
struct FieldReader {
  explicit FieldReader(Fields& target) : fields(&target) {}
  Fields* fields;
  std::string_view name;   // of the field whose value is to come
  const Problem* problem = nullptr;
};

FieldReader& reader_of(llhttp_t* parser) { return *static_cast<FieldReader*>(parser->data); }

int refuse(FieldReader& reader, const Problem& problem) {
  reader.problem = &problem;
  return HPE_USER;
}

int on_name(llhttp_t* parser, const char* at, size_t size) {
  FieldReader& reader = reader_of(parser);
  if (!reader.name.empty()) return refuse(reader, kBadField);   // the last one had no value
  if (size > Fields::kNameBytesMax) return refuse(reader, kHeadersTooLarge);
  reader.name = {at, size};
  return 0;
}

int on_value(llhttp_t* parser, const char* at, size_t size) {
  FieldReader& reader = reader_of(parser);
  if (reader.name.empty()) return refuse(reader, kBadField);   // a second piece of the last value
  FieldId id = field_id(reader.name);
  std::string_view value{at, size};
  // "chunked" followed by a tab is a known way to make two parsers disagree: the rules see it as it
  // came.
  reader.fields->add(id, reader.name, id == FieldId::transfer_encoding ? value : trim_ows(value));
  reader.name = {};
  return 0;
}

int on_head(llhttp_t*) { return HPE_PAUSED; }

constexpr llhttp_settings_t kSettings = [] {
  llhttp_settings_t settings{};
  settings.on_header_field = on_name;
  settings.on_header_value = on_value;
  settings.on_headers_complete = on_head;
  return settings;
}();

const Problem* problem_from(llhttp_errno_t error) {
  switch (error) {
    case HPE_INVALID_CONTENT_LENGTH:
    case HPE_UNEXPECTED_CONTENT_LENGTH:
      return &kBadContentLength;
    case HPE_INVALID_TRANSFER_ENCODING: return &kBadTransferEncoding;
    default: return &kBadField;   // what is left concerns a field line
  }
}

/// llhttp with a first line behind it. What the real line says concerns only what comes after the head, and
/// rules_lines.cc is the stricter reader of it.
llhttp_t after_first_line(llhttp_type_t type, std::string_view line) {
  llhttp_t parser;
  llhttp_init(&parser, type, &kSettings);
  CHECK(llhttp_execute(&parser, line.data(), line.size()) == HPE_OK);
  return parser;
}
const llhttp_t kInRequest = after_first_line(HTTP_REQUEST, "GET / HTTP/1.1\r\n");
const llhttp_t kInResponse = after_first_line(HTTP_RESPONSE, "HTTP/1.1 200 OK\r\n");

/// Reads the field lines, with the empty one behind them, into `fields`: every one, in order.
const Problem* read_fields(const llhttp_t& start, std::string_view block, Fields& fields) {
  FieldReader reader(fields);
  llhttp_t parser = start;
  parser.data = &reader;
  llhttp_errno_t error = llhttp_execute(&parser, block.data(), block.size());
  if (reader.problem) return reader.problem;
  if (error != HPE_PAUSED) return problem_from(error);
  if (!reader.name.empty()) return &kBadField;
  // The block ends where the scanner found its end: llhttp must see the end at the same byte.
  return llhttp_get_error_pos(&parser) == block.data() + block.size() ? nullptr : &kBadField;
}

std::string_view first_line(std::string_view block) { return block.substr(0, block.find('\r')); }

Error bad_response(const char* what) {
  return Error{Code::bad_message, Side::upstream, Progress::answered, what};
}

}  // namespace

const Problem* parse_request_head(std::string_view block, const H1Limits& limits, Arena& arena,
                                  Head& head) {
  std::string_view first = first_line(block);
  RequestLine line;
  const Problem* problem = split_request_line(first, line);
  head.method = method_from(line.method);
  head.target = line.target;
  head.version = line.version;
  if (problem) return problem;
  if ((problem = check_method(head.method))) return problem;
  if ((problem = read_fields(kInRequest, block.substr(first.size() + 2), head.fields))) return problem;
  Declared declared = read_declared(head.fields);
  drop_hop_by_hop(declared, head.fields);
  if ((problem = apply_request_rules(declared, limits.body_bytes_max, head))) return problem;
  return parse_target(arena, limits.path, declared.hosts > 0 ? &declared.host : nullptr, head);
}

Result<void> parse_response_head(std::string_view block, const H1Limits&, Method method, Arena&,
                                 Head& head) {
  std::string_view first = first_line(block);
  StatusLine line;
  if (!split_status_line(first, line)) return bad_response("malformed status line");
  head.version = line.version;
  head.status = line.status;
  head.reason = line.reason;
  const Problem* problem = read_fields(kInResponse, block.substr(first.size() + 2), head.fields);
  if (problem) return bad_response(problem->title.data());
  Declared declared = read_declared(head.fields);
  drop_hop_by_hop(declared, head.fields);
  problem = apply_response_rules(declared, method, head);
  if (problem) return bad_response(problem->title.data());
  return {};
}

}  // namespace sluice::http

#include "observe/log_line.h"

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "observe/plain_run.h"

namespace sluice::observe {
namespace {

constexpr size_t kEscapedBytes = 4;   // \xHH
constexpr size_t kFixedBytes = 64;    // of a number, time, address or short word; "?" and "..."
constexpr size_t kNamedMax = 1024;    // of a header or parameter that the template names
// All texts of one line together; a template may name the same path many times.
constexpr size_t kTextBytesMax = 12 * 1024;
static_assert(LogFormat::kTextBytesMax + kEscapedBytes * kTextBytesMax +
                  LogFormat::kPartsMax * kFixedBytes + 1 <= TemplateLine::kWorstMax);
static_assert(LogFormat::kPartsMax <= 64);   // bits of cut_

char* put(char* out, std::string_view bytes) {
  std::memcpy(out, bytes.data(), bytes.size());
  return out + bytes.size();
}

char* put_escaped_byte(char* out, char c) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  auto byte = static_cast<unsigned char>(c);
  out[0] = '\\';
  out[1] = 'x';
  out[2] = kDigits[byte >> 4];
  out[3] = kDigits[byte & 15];
  return out + kEscapedBytes;
}

// As nginx and Apache do it: printable ASCII stays, the rest is \xHH; outside of quotes a space
// too.
template <char First>
char* put_escaped(char* out, std::string_view value) {
  while (!value.empty()) {
    value.remove_prefix(copy_plain<First>(out, value));
    if (value.empty()) break;
    out = put_escaped_byte(out, value.front());
    value.remove_prefix(1);
  }
  return out;
}

char* put_text(char* out, std::string_view value, bool quoted) {
  return quoted ? put_escaped<' '>(out, value) : put_escaped<'!'>(out, value);
}

std::string_view named(std::span<const NamedValue> values, std::string_view name) {
  for (const NamedValue& each : values) {
    if (each.name == name) return each.value;
  }
  return {};
}

std::string_view query_value(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    size_t equals = pair.find('=');
    if (pair.substr(0, equals) != name) continue;
    return equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1);
  }
  return {};
}

std::string_view host_of(std::string_view authority) {
  size_t colon = authority.rfind(':');
  bool port = colon != std::string_view::npos && authority.find(']', colon) == authority.npos;
  return port ? authority.substr(0, colon) : authority;
}

// gives: whether the fact is a text that somebody chose; the others are short and safe
constexpr bool is_text(LogFact fact) {
  switch (fact) {
    case LogFact::none: case LogFact::ip: case LogFact::time: case LogFact::time_clf:
    case LogFact::status: case LogFact::grpc_status: case LogFact::request_bytes: case LogFact::response_bytes:
    case LogFact::duration_us: case LogFact::upstream_us: case LogFact::retries:
    case LogFact::aborted: case LogFact::closed: case LogFact::close_code:
      return false;
    default: return true;
  }
}

struct Text {
  std::string_view value;
  size_t bytes_max = kNameMax;
};

Text text_of(const LogPart& part, const AccessRecord& record, Queries queries) {
  switch (part.fact) {
    case LogFact::request_id: return {record.request_id};
    case LogFact::trace_id: return {record.trace_id};
    case LogFact::listener: return {record.listener};
    case LogFact::method: return {record.method};
    case LogFact::authority: return {record.authority, kAuthorityMax};
    case LogFact::host: return {host_of(record.authority), kAuthorityMax};
    case LogFact::path: return {record.path, kPathMax};
    case LogFact::query: return {record.query, kQueryMax};
    case LogFact::query_suffix:
      return {queries == Queries::written ? record.query : std::string_view{}, kQueryMax};
    case LogFact::version: return {record.version};
    case LogFact::tls: return {record.tls_version};
    case LogFact::route: return {record.route};
    case LogFact::upstream: return {record.upstream};
    case LogFact::endpoint: return {record.endpoint};
    case LogFact::problem: return {record.problem};
    case LogFact::user_agent: return {record.user_agent, kUserAgentMax};
    case LogFact::referer:
      return {queries == Queries::written ? record.referer : without_query(record.referer),
              kRefererMax};
    case LogFact::header_named:
      return {record.fields ? record.fields->get(part.name).value_or("") : "", kNamedMax};
    case LogFact::path_named: return {named(record.params, part.name), kNamedMax};
    case LogFact::query_named: return {query_value(record.query, part.name), kNamedMax};
    default: return {};
  }
}

char* put_fixed(char* out, LogFact fact, const AccessRecord& record) {
  switch (fact) {
    case LogFact::ip: return record.client_ip.write(out);
    case LogFact::status:   // three digits, as readers of the common format expect
      if (record.status == 0) return put(out, "000");
      return write_decimal(out, record.status);
    case LogFact::grpc_status:
      if (!record.grpc_status) return put(out, "-");
      return write_decimal(out, *record.grpc_status);
    case LogFact::request_bytes: return write_decimal(out, record.request_bytes);
    case LogFact::response_bytes: return write_decimal(out, record.response_bytes);
    case LogFact::duration_us: return write_decimal(out, micros_of(record.duration));
    case LogFact::upstream_us:
      if (!record.upstream_time) return put(out, "-");
      return write_decimal(out, micros_of(*record.upstream_time));
    case LogFact::retries: return write_decimal(out, record.retries);
    case LogFact::aborted: return put(out, record.aborted ? side_name(*record.aborted) : "-");
    case LogFact::closed: return put(out, record.closed.empty() ? "-" : record.closed);   // a short word of ours
    case LogFact::close_code:
      if (record.close_code == 0) return put(out, "-");
      return write_decimal(out, record.close_code);
    default: return out;
  }
}

}  // namespace

TemplateLine::TemplateLine(const LogFormat& format, const AccessRecord& record, Queries queries)
    : format_(format), record_(record) {
  size_t budget = kTextBytesMax;
  for (size_t i = 0; i < format.parts().size(); ++i) {
    const LogPart& part = format.parts()[i];
    if (!is_text(part.fact)) continue;
    Text text = text_of(part, record, queries);
    texts_[i] = text.value.substr(0, std::min(text.bytes_max, budget));
    budget -= texts_[i].size();
    if (texts_[i].size() < text.value.size()) cut_ |= uint64_t{1} << i;
  }
  worst_ = format.literal_bytes() + kEscapedBytes * (kTextBytesMax - budget) +
           format.parts().size() * kFixedBytes + 1;
}

char* TemplateLine::write(char* out, TimeText& time, ClfTimeText& clf_time) const {
  for (size_t i = 0; i < format_.parts().size(); ++i) {
    const LogPart& part = format_.parts()[i];
    out = put(out, part.literal);
    if (part.fact == LogFact::none) break;
    if (part.fact == LogFact::time) out = time.write(out, record_.time);
    else if (part.fact == LogFact::time_clf) out = clf_time.write(out, record_.time);
    else if (!is_text(part.fact)) out = put_fixed(out, part.fact, record_);
    else out = write_text(out, i);
  }
  *out++ = '\n';
  return out;
}

char* TemplateLine::write_text(char* out, size_t i) const {
  const LogPart& part = format_.parts()[i];
  std::string_view text = texts_[i];
  if (part.fact == LogFact::query_suffix && !text.empty()) *out++ = '?';
  if (text.empty() && part.fact != LogFact::query_suffix) return put(out, "-");
  out = put_text(out, text, part.quoted);
  return (cut_ >> i & 1) != 0 ? put(out, "...") : out;
}

}  // namespace sluice::observe

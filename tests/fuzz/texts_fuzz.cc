// Small texts of the configuration and of header fields: durations, sizes, addresses, ranges,
// facts, templates, traceparent. What is taken, written anew, is read as the same; what is refused
// says where, within the text.
#include <string>

#include "base/ip.h"
#include "config/template.h"
#include "config/units.h"
#include "fuzz.h"
#include "net/address.h"
#include "observe/trace.h"

using namespace sluice;

namespace {

template <class T>
bool taken(const Result<T, config::TextError>& result, std::string_view text) {
  if (result) return true;
  CLAIM(!result.error().why.empty() && result.error().offset <= text.size());
  return false;
}

void check_units(std::string_view text) {
  if (auto duration = config::parse_duration(text); taken(duration, text)) {
    CLAIM(duration->count() >= 0);
    CLAIM(*config::parse_duration(config::print_duration(*duration)) == *duration);
  }
  if (auto bytes = config::parse_bytes(text); taken(bytes, text)) {
    CLAIM(*config::parse_bytes(config::print_bytes(*bytes)) == *bytes);
  }
}

void check_addresses(std::string_view text) {
  if (auto ip = IpAddress::parse(text)) {
    CLAIM(!ip->is_none() && ip->to_string().size() <= IpAddress::kTextMax);
    CLAIM(IpAddress::parse(ip->to_string()) == ip);
  }
  if (auto range = Cidr::parse(text)) CLAIM(Cidr::parse(range->to_string()) == range);
  if (auto address = net::SocketAddress::parse(text)) {
    CLAIM(*net::SocketAddress::parse(address->to_string()) == *address);
  }
  if (auto place = net::parse_host_port(text))
    CLAIM(place->port > 0 && place->host.size() < text.size());
}

/// The template as it would be written from its parts.
std::string rewritten(const config::Template& parsed, bool names_only) {
  static constexpr const char* kNames[] = {"ip",     "route", "method", "host",
                                           "header", "path",  "query"};
  std::string out;
  for (const config::TemplatePart& part : parsed.parts) {
    for (char c : part.literal) out += c == '{' || c == '}' ? std::string(2, c) : std::string(1, c);
    if (!part.has_fact) continue;
    std::string name = kNames[static_cast<size_t>(part.fact.kind)];
    if (!part.fact.name.empty()) name += "." + part.fact.name;
    out += "{" + (names_only ? part.fact.name : name) + "}";
  }
  return out;
}

void check_templates(std::string_view text) {
  if (auto parsed = config::parse_template(text); taken(parsed, text)) {
    CLAIM(parsed->text == text && rewritten(*parsed, false) == text);
    if (parsed->is_literal()) CLAIM(parsed->literal().size() <= text.size());
  }
  if (auto path = config::parse_path_template(text); taken(path, text)) {
    CLAIM(text.starts_with('/') && rewritten(path->path, true) == text);
  }
  if (auto fact = config::parse_fact(text); taken(fact, text))
    CLAIM(fact->name.size() < text.size());
}

void check_trace(std::string_view text) {
  auto trace = observe::parse_traceparent(text);
  if (!trace) return;
  char out[observe::kTraceParentBytes];
  char* end = observe::write_traceparent(out, *trace);
  CLAIM(end == out + sizeof(out));
  CLAIM(observe::parse_traceparent({out, sizeof(out)}) == trace);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text = text_of(data, size);
  check_units(text);
  check_addresses(text);
  check_templates(text);
  check_trace(text);
  return 0;
}

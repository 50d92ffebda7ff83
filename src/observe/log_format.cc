#include "observe/log_format.h"

#include <algorithm>

#include "base/text.h"
#include "config/suggest.h"
#include "config/template.h"

namespace sluice::observe {

using config::TextError;

namespace {

struct FactName {
  std::string_view text;
  LogFact bare = LogFact::none;    // "path"
  LogFact named = LogFact::none;   // "path.NAME"
};
constexpr FactName kFacts[] = {
    {"ip", LogFact::ip},
    {"client_ip", LogFact::ip},
    {"time", LogFact::time},
    {"time_clf", LogFact::time_clf},
    {"request_id", LogFact::request_id},
    {"trace_id", LogFact::trace_id},
    {"listener", LogFact::listener},
    {"method", LogFact::method},
    {"authority", LogFact::authority},
    {"host", LogFact::host},
    {"path", LogFact::path, LogFact::path_named},
    {"query", LogFact::query, LogFact::query_named},
    {"version", LogFact::version},
    {"tls", LogFact::tls},
    {"status", LogFact::status},
    {"grpc_status", LogFact::grpc_status},
    {"request_bytes", LogFact::request_bytes},
    {"response_bytes", LogFact::response_bytes},
    {"duration_us", LogFact::duration_us},
    {"upstream_us", LogFact::upstream_us},
    {"route", LogFact::route},
    {"upstream", LogFact::upstream},
    {"endpoint", LogFact::endpoint},
    {"retries", LogFact::retries},
    {"problem", LogFact::problem},
    {"aborted", LogFact::aborted},
    {"closed", LogFact::closed},
    {"close_code", LogFact::close_code},
    {"user_agent", LogFact::user_agent},
    {"referer", LogFact::referer},
    {"header", LogFact::none, LogFact::header_named},
};

constexpr std::string_view kJson = "json";   // no template
constexpr struct {
  std::string_view name, text;
} kNamed[] = {
    {"common", "{ip} - - [{time_clf}] \"{request}\" {status} {response_bytes}"},
    {"combined",
     "{ip} - - [{time_clf}] \"{request}\" {status} {response_bytes} \"{referer}\" "
     "\"{user_agent}\""},
};
// Short for "{method} {path} {version}", with the query where queries are written.
constexpr std::string_view kRequest = "request";
constexpr struct {
  std::string_view before;
  LogFact fact;
} kRequestParts[] = {{"", LogFact::method},
                     {" ", LogFact::path},
                     {"", LogFact::query_suffix},
                     {" ", LogFact::version}};

constexpr std::string_view kSecretHeaders[] = {"authorization", "proxy-authorization", "cookie",
                                               "x-api-key"};

// gives: why `name` cannot be written; empty when it can
std::string refusal(LogFact fact, std::string_view name) {
  if (fact != LogFact::header_named) return "";
  return may_hold_credentials(name) ? "this header holds secrets: no log may have them" : "";
}

Result<LogPart, TextError> parse_fact(std::string_view text) {
  size_t dot = text.find('.');
  std::string_view head = text.substr(0, dot);
  std::string_view name = dot == std::string_view::npos ? "" : text.substr(dot + 1);
  config::Nearest nearest(head);
  nearest.offer(kRequest);
  for (const FactName& known : kFacts) {
    nearest.offer(known.text);
    if (known.text != head) continue;
    LogPart part;
    part.name = name;
    part.fact = dot == std::string_view::npos ? known.bare : known.named;
    if (dot != std::string_view::npos && name.empty()) part.fact = LogFact::none;   // "{path.}"
    if (part.fact == LogFact::none) {
      return TextError{known.named != LogFact::none ? "write {" + std::string(head) + ".NAME}"
                                                    : "{" + std::string(head) + "} has no name", 0};
    }
    std::string why = refusal(part.fact, name);
    if (!why.empty()) return TextError{why, 0};
    return part;
  }
  std::string why = nearest.hint();
  if (why.empty()) {
    why = "the facts are request";
    for (const FactName& known : kFacts) {
      if (known.bare != LogFact::none) why += " " + std::string(known.text);
      if (known.named != LogFact::none) why += " " + std::string(known.text) + ".NAME";
    }
  }
  return TextError{why, 0};
}

// A control byte would break the line, whoever wrote it.
size_t control_byte(std::string_view text) {
  auto found = std::find_if(text.begin(), text.end(), [](char c) {
    auto byte = static_cast<unsigned char>(c);
    return (byte < ' ' && byte != '\t') || byte == 0x7f;
  });
  return found == text.end() ? std::string_view::npos : static_cast<size_t>(found - text.begin());
}

void add_request(std::vector<LogPart>& parts, std::string literal, bool quoted) {
  for (const auto& each : kRequestParts) {
    literal += each.before;
    parts.push_back({std::move(literal), each.fact, "", quoted});
    literal.clear();
  }
}

Result<std::vector<LogPart>, TextError> parse_parts(std::string_view text) {
  Result<std::vector<config::TemplatePiece>, TextError> pieces = config::split_template(text);
  if (!pieces) return pieces.error();
  std::vector<LogPart> parts;
  bool quoted = false;
  for (config::TemplatePiece& piece : *pieces) {
    for (char c : piece.literal) quoted ^= c == '"';
    LogPart part;
    if (piece.has_name && piece.name == kRequest) {
      add_request(parts, std::move(piece.literal), quoted);
      continue;
    }
    if (piece.has_name) {
      Result<LogPart, TextError> fact = parse_fact(piece.name);
      if (!fact) return TextError{fact.error().why, piece.offset + 1 + fact.error().offset};
      part = *std::move(fact);
    }
    part.literal = std::move(piece.literal);
    part.quoted = quoted;
    parts.push_back(std::move(part));
  }
  if (parts.size() > LogFormat::kPartsMax) {
    return TextError{"more than " + std::to_string(config::kFactsMax) + " facts", 0};
  }
  return parts;
}

}  // namespace

bool may_hold_credentials(std::string_view header_name) {
  auto same = [&](std::string_view secret) { return equals_ignore_case(header_name, secret); };
  return std::any_of(std::begin(kSecretHeaders), std::end(kSecretHeaders), same);
}

Result<LogFormat, TextError> LogFormat::parse(std::string_view text) {
  LogFormat out;
  if (text == kJson) return out;
  out.text_ = text;
  config::Nearest nearest(text);
  nearest.offer(kJson);
  for (const auto& named : kNamed) {
    nearest.offer(named.name);
    if (named.name == out.text_) text = named.text;
  }
  if (text.size() > kTextBytesMax) {
    return TextError{"longer than " + std::to_string(kTextBytesMax) + " bytes", kTextBytesMax};
  }
  if (size_t at = control_byte(text); at != std::string_view::npos) {
    return TextError{"a line break or control byte would break the line", at};
  }
  Result<std::vector<LogPart>, TextError> parts = parse_parts(text);
  if (!parts) return parts.error();
  if (parts->size() == 1) {   // no fact at all: a name, then
    std::string why = nearest.hint();
    return TextError{why.empty() ? "a template names facts, such as {status}" : why, 0};
  }
  out.parts_ = *std::move(parts);
  for (const LogPart& part : out.parts_) out.literal_bytes_ += part.literal.size();
  return out;
}

}  // namespace sluice::observe

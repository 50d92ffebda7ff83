#include "route/route_config.h"

#include <algorithm>

#include "base/text.h"
#include "http/rules.h"
#include "http/token.h"

namespace sluice::route {

using config::field;
using config::Field;
using config::IssueKind;
using http::FieldId;

namespace {

constexpr IssueKind kNoMethods{"no_methods"};
constexpr IssueKind kMatchHeaderName{"match_header_name"};
constexpr IssueKind kMatchHeaderUnseen{"match_header_unseen"};
constexpr IssueKind kMatchHeaderTwice{"match_header_twice"};
constexpr IssueKind kRewriteHost{"rewrite_host"};
constexpr IssueKind kRedirectStatus{"redirect_status"};
constexpr IssueKind kRedirectTo{"redirect_to"};
constexpr IssueKind kRespondBody{"respond_body"};
constexpr IssueKind kRespondHeader{"respond_header"};
constexpr IssueKind kMessageTypes{"message_types"};
constexpr IssueKind kPingIdle{"websocket_ping"};
constexpr IssueKind kMessageRate{"websocket_rate"};
constexpr IssueKind kCompression{"websocket_compression"};

constexpr uint64_t kMessageRateMost = 1'000'000;   // a second; more than one socket can carry

constexpr config::Range kPatience{1'000'000, 86'400'000'000'000};  // 1 ms to a day

constexpr Field kMatchFields[] = {
    field<&MatchConfig::host>(
        {.name = "host",
         .about = "A host or a list of them; \"*.example.com\" takes every name below it. "
                  "Without it: every host.",
         .example = "\"api.example.com\"",
         .instead_of = "server_name server_names hostname hostnames hosts domain domains"}),
    field<&MatchConfig::path>(
        {.name = "path",
         .about = "Literal segments, {parameters} and a final \"**\" for all that is below.",
         .example = "\"/users/{user_id}/orders/**\"",
         .need = config::Need::required,
         .instead_of = "prefix path_prefix paths uri location"}),
    field<&MatchConfig::methods>(
        {.name = "methods",
         .about = "Methods; GET brings HEAD. Without it: all. Others get 405.",
         .example = "[\"GET\", \"PUT\"]",
         .instead_of = "method verbs"}),
    field<&MatchConfig::headers>(
        {.name = "headers",
         .about = "Header fields that must be there: a value, \"prefix*\", or \"*\" for any.",
         .example = "{ X-Version = \"2\" }"}),
    field<&MatchConfig::query>({.name = "query",
                                .about = "Query parameters that must be there, written likewise.",
                                .example = "{ format = \"json\" }"}),
    field<&MatchConfig::upgrade>(
        {.name = "upgrade",
         .about = "What requests turn their connection into. Others get 426 here, and Upgrade means nothing elsewhere.",
         .example = "\"websocket\""}),
};

constexpr Field kRewriteFields[] = {
    field<&RewriteConfig::path>(
        {.name = "path",
         .about = "The upstream's path; {name} is a parameter of match.path, {**} its tail.",
         .example = "\"/internal/orders/{order_id}\""}),
    field<&RewriteConfig::host>(
        {.name = "host",
         .about = "The Host that the upstream sees. Without it: the client's.",
         .example = "\"orders.internal\""}),
};

constexpr Field kRedirectFields[] = {
    field<&RedirectConfig::to>({.name = "to",
                                .about = "Where to: a URL or a path, facts in braces; the "
                                         "request's query is kept when it has none.",
                                .example = "\"https://new.example.com/{path.**}\"",
                                .need = config::Need::required,
                                .instead_of = "url location target uri"}),
    field<&RedirectConfig::status>({.name = "status",
                                    .about = "301, 302, 303, 307 or 308.",
                                    .reason = "permanent, and the method stays",
                                    .example = "308",
                                    .range = {300, 399},
                                    .instead_of = "code status_code"}),
};

constexpr Field kRespondFields[] = {
    field<&RespondConfig::status>({.name = "status",
                                   .about = "The status code.",
                                   .reason = "a plain answer",
                                   .example = "200",
                                   .range = {200, 599},
                                   .instead_of = "code status_code"}),
    field<&RespondConfig::body>(
        {.name = "body", .about = "The body, as it is.", .example = "\"gone\""}),
    field<&RespondConfig::headers>({.name = "headers",
                                    .about = "Header fields of the answer.",
                                    .example = "{ Content-Type = \"text/plain\" }"}),
};

constexpr Field kTimeoutFields[] = {
    field<&RouteTimeout::response>({.name = "response",
                                    .about = "From the sent request to the head of the response.",
                                    .example = "\"60s\"",
                                    .range = kPatience}),
    field<&RouteTimeout::body>({.name = "body",
                                .about = "Between two pieces of a body, either way.",
                                .example = "\"5m\"",
                                .range = kPatience}),
};

constexpr Field kLimitFields[] = {
    field<&RouteLimits::body>({.name = "body",
                               .about = "The largest request body; 413 beyond.",
                               .example = "\"100MiB\""}),
};

constexpr Field kMessageTypesFields[] = {
    field<&MessageTypes::field>({.name = "field",
                                 .about = "The member of the JSON object that says what a message is: a string.",
                                 .example = "\"type\"",
                                 .need = config::Need::required}),
    field<&MessageTypes::allow>({.name = "allow",
                                 .about = "What it may say.",
                                 .example = "[\"subscribe\", \"publish\"]",
                                 .need = config::Need::required}),
};

constexpr Field kWebSocketFields[] = {
    field<&WebSocketConfig::idle>({.name = "idle",
                                   .about = "A socket ends when nothing has come from either side for this long.",
                                   .reason = "applications that ping do so every minute or less",
                                   .range = {1'000'000'000, 86'400'000'000'000}}),
    field<&WebSocketConfig::on_expiry>(
        {.name = "on_expiry",
         .about = "What becomes of a socket whose credential expires or is revoked: \"close\" (code 1008) or \"keep\".",
         .reason = "who may not come in any more may not stay"}),
    field<&WebSocketConfig::max_message>(
        {.name = "max_message",
         .about = "The largest message of either side, all its fragments together, inflated; 1009 beyond. This key and "
                  "those below make the gateway read frames, which it else only follows.",
         .example = "\"64KiB\"",
         .range = {128, 1 << 30}}),
    field<&WebSocketConfig::rate>(
        {.name = "rate",
         .about = "Messages that a client may send on one socket, all of them at once or evenly; 1008 beyond. Control "
                  "frames do not count.",
         .example = "\"50/1s\""}),
    field<&WebSocketConfig::ping>(
        {.name = "ping",
         .about = "A side of which nothing has come for this long is pinged; when nothing comes for as long again, the "
                  "socket ends. Neither ping nor pong puts off `idle`.",
         .example = "\"30s\"",
         .range = {1'000'000'000, 86'400'000'000'000}}),
    field<&WebSocketConfig::message_types>(
        {.name = "message_types",
         .about = "Text messages that a client may send; each is a JSON object and held until it is whole. Others end the "
                  "socket with 1008, binary ones with 1003.",
         .example = "{ field = \"type\", allow = [\"subscribe\", \"publish\"] }"}),
    field<&WebSocketConfig::compression>(
        {.name = "compression",
         .about = "permessage-deflate: \"refuse\" takes its offers out of the handshake, \"pass\" leaves it to the two "
                  "sides, and what is looked at is inflated for it. Without it, and without the keys above: whatever "
                  "the two sides agree on. With one of those: \"refuse\".",
         .example = "\"pass\""}),
};

config::Position place_of(const config::Value& table, std::string_view key) {
  const config::Entry* entry = table.find(key);
  return entry == nullptr ? table.at : entry->value.at;
}

config::TextError text_error(const PatternError& error) {
  return {error.text, error.position};
}

}  // namespace

std::span<const Field> config_fields(const MatchConfig*) {
  return kMatchFields;
}
std::span<const Field> config_fields(const RewriteConfig*) {
  return kRewriteFields;
}
std::span<const Field> config_fields(const RedirectConfig*) {
  return kRedirectFields;
}
std::span<const Field> config_fields(const RespondConfig*) {
  return kRespondFields;
}
std::span<const Field> config_fields(const RouteTimeout*) {
  return kTimeoutFields;
}
std::span<const Field> config_fields(const RouteLimits*) {
  return kLimitFields;
}
std::span<const Field> config_fields(const MessageTypes*) {
  return kMessageTypesFields;
}
std::span<const Field> config_fields(const WebSocketConfig*) {
  return kWebSocketFields;
}

void config_check(const MatchConfig& match, const config::Value& table, config::Reader& reader) {
  const config::Entry* methods = table.find("methods");
  if (methods != nullptr && match.methods.empty()) {
    reader.issues().add(kNoMethods, methods->value.at, "an empty list of methods").note = "without `methods` a route takes all of them";
  }
  for (size_t i = 0; i < match.headers.size(); ++i) {
    const auto& item = match.headers[i];
    if (!http::is_token(item.name)) {
      reader.issues().add(kMatchHeaderName, item.at,
                          config::quoted(item.name) + " is no name of a header field");
    } else if (FieldId id = http::field_id(item.name); http::is_hop_by_hop(id)) {
      config::Issue& issue = reader.issues().add(
          kMatchHeaderUnseen, item.at, config::quoted(item.name) + " is taken out of a request before its route is looked for");
      if (id == FieldId::host) issue.note = "match = { host = \"...\" } is about the host";
      if (id == FieldId::upgrade) issue.note = "match = { ..., upgrade = \"websocket\" } is for WebSockets";
    }
    for (size_t j = 0; j < i; ++j) {
      if (!equals_ignore_case(item.name, match.headers[j].name)) continue;
      reader.issues()
          .add(kMatchHeaderTwice, item.at, config::quoted(item.name) + " is matched twice")
          .note = "names of header fields do not differ by case";
    }
  }
}

void config_check(const RewriteConfig& rewrite, const config::Value& table,
                  config::Reader& reader) {
  bool good = std::all_of(rewrite.host.begin(), rewrite.host.end(), [](char c) {
    return is_alpha(c) || is_digit(c) ||
           std::string_view("-_.:[]").find(c) != std::string_view::npos;
  });
  const config::Entry* host = table.find("host");
  if (good && (host == nullptr || host->value.broken || !rewrite.host.empty())) return;
  reader.issues().add(
      kRewriteHost, place_of(table, "host"),
      config::quoted(rewrite.host) + " is no host; it is a name or address, and perhaps :port");
}

void config_check(const RedirectConfig& redirect, const config::Value& table,
                  config::Reader& reader) {
  constexpr uint16_t kStatuses[] = {301, 302, 303, 307, 308};
  if (std::find(std::begin(kStatuses), std::end(kStatuses), redirect.status) ==
      std::end(kStatuses)) {
    reader.issues().add(kRedirectStatus, place_of(table, "status"),
                        "a redirect has status 301, 302, 303, 307 or 308");
  }
  const auto& parts = redirect.to.value.parts;
  bool clean = std::all_of(parts.begin(), parts.end(), [](const config::TemplatePart& part) {
    return std::all_of(part.literal.begin(), part.literal.end(), [](char c) {
      return c > 0x20 && c < 0x7f && c != '"' && c != '<' && c != '>' && c != '\\';
    });
  });
  std::string_view start = redirect.to.value.text;
  bool whole = start.starts_with("https://") || start.starts_with("http://") ||
               (start.starts_with('/') && !start.starts_with("//"));
  const config::Entry* to = table.find("to");
  bool reported = to == nullptr || to->value.broken || (start.empty() && !to->value.text.empty());
  if (reported || (clean && whole)) return;
  reader.issues().add(
      kRedirectTo, redirect.to.at,
      "a redirect leads to https://..., http://... or /..., without spaces and quotes");
}

void config_check(const RespondConfig& respond, const config::Value& table,
                  config::Reader& reader) {
  bool bodyless = respond.status == 204 || respond.status == 304;
  if (bodyless && !respond.body.empty()) {
    reader.issues().add(
        kRespondBody, place_of(table, "body"),
        "a response with status " + std::to_string(respond.status) + " has no body");
  }
  for (const auto& item : respond.headers) {
    bool framing = equals_ignore_case(item.name, "content-length") ||
                   equals_ignore_case(item.name, "connection") ||
                   equals_ignore_case(item.name, "transfer-encoding");
    if (http::is_token(item.name) && http::is_field_value(item.value) && !framing) continue;
    reader.issues().add(kRespondHeader, item.at,
                        framing
                            ? config::quoted(item.name) + " is written by the gateway itself"
                            : config::quoted(item.name) + " or its value cannot stand in a header");
  }
}

void config_check(const WebSocketConfig& websocket, const config::Value& table, config::Reader& reader) {
  if (websocket.ping && *websocket.ping >= websocket.idle) {
    reader.issues().add(kPingIdle, place_of(table, "ping"), "a socket ends after idle = \"" +
                        config::print_duration(websocket.idle) + "\", before it is pinged")
        .note = "ping is shorter than idle";
  }
  if (websocket.rate && websocket.rate->value.count > 0) {   // else it was no rate
    const config::Rate& rate = websocket.rate->value;
    bool counts = rate.count <= kMessageRateMost && rate.per >= std::chrono::seconds(1) && rate.per <= std::chrono::hours(24);
    if (!counts) reader.issues().add(kMessageRate, websocket.rate->at, "at most 1,000,000 messages, in 1s to 1d");
  }
  if (websocket.deflate_passes() && !websocket.max_message) {
    reader.issues().add(kCompression, place_of(table, "compression"), "what is inflated has no end without max_message").note =
        "max_message = \"64KiB\" allows messages of that size, inflated";
  }
  if (!websocket.message_types) return;
  config::Position at = place_of(table, "message_types");
  const config::Value& types = table.find("message_types")->value;
  const config::Entry* field = types.find("field");   // one that lacks, or is of another type, is said already
  const config::Entry* allow = types.find("allow");
  bool no_field = field && field->value.kind == config::Value::Kind::string && websocket.message_types->field.empty();
  bool no_allow = allow && allow->value.kind == config::Value::Kind::list && allow->value.items.empty();
  if (no_field || no_allow) {
    reader.issues().add(kMessageTypes, at, "message_types needs a field and at least one type to allow");
  }
  if (websocket.max_message && websocket.max_message->count <= kHeldMessageMax.count) return;
  reader.issues().add(kMessageTypes, at, "message_types holds each message whole").note =
      websocket.max_message ? "max_message = \"16MiB\" is the most here" : "it needs max_message, 16MiB at most";
}

RouteMatch compile(const RouteConfig& config) {
  RouteMatch out;
  out.hosts = config.match.host;
  out.path = config.match.path.value;
  out.priority = static_cast<int32_t>(config.priority);
  if (!config.match.methods.empty()) {
    out.methods = MethodSet();
    for (http::Method method : config.match.methods) out.methods.add(method);
  }
  for (const auto& item : config.match.headers) out.headers.push_back({item.name, item.value});
  for (const auto& item : config.match.query) out.queries.push_back({item.name, item.value});
  return out;
}

}  // namespace sluice::route

namespace sluice::config {

Result<route::Pattern, TextError> TextForm<route::Pattern>::parse(std::string_view text) {
  Result<route::Pattern, route::PatternError> pattern = route::Pattern::parse(text);
  if (!pattern) return route::text_error(pattern.error());
  return *std::move(pattern);
}

Result<route::HostPattern, TextError> TextForm<route::HostPattern>::parse(std::string_view text) {
  Result<route::HostPattern, route::PatternError> pattern = route::HostPattern::parse(text);
  if (!pattern) return route::text_error(pattern.error());
  return *std::move(pattern);
}

Result<route::ValueMatch, TextError> TextForm<route::ValueMatch>::parse(std::string_view text) {
  Result<route::ValueMatch, route::PatternError> match = route::ValueMatch::parse(text);
  if (!match) return route::text_error(match.error());
  return *std::move(match);
}

std::string TextForm<route::ValueMatch>::print(const route::ValueMatch& match) {
  return match.text() + (match.kind() == route::ValueMatch::Kind::exact ? "" : "*");
}

Result<http::Method, TextError> TextForm<http::Method>::parse(std::string_view text) {
  http::Method method = http::method_from(text);
  if (method != http::Method::unknown && method != http::Method::connect) return method;
  return TextError{"methods are written in capitals; CONNECT and unknown ones are never forwarded",
                   0};
}

}  // namespace sluice::config

// [listen.NAME]: its keys, and what of them cannot stand together.
#include <algorithm>

#include "config/joined.h"
#include "snapshot/sections.h"

namespace sluice::snapshot {

using config::field;
using config::Field;
using config::IssueKind;

namespace {

constexpr IssueKind kRedirectWithTls{"redirect_with_tls"};
constexpr IssueKind kNoProtocols{"listen_without_protocols"};
constexpr IssueKind kNoHttp2{"http2_unspoken", config::Severity::warning};
constexpr IssueKind kWrongH2{"listen_protocol_and_tls"};
constexpr IssueKind kIpsOnUnix{"ips_on_unix"};

constexpr int64_t kMillisecond = 1'000'000;
constexpr int64_t kDay = 86'400'000 * kMillisecond;
constexpr config::Range kPatience{kMillisecond, kDay};

constexpr Field kListenTimeoutFields[] = {
    field<&ListenTimeout::header>(
        {.name = "header",
         .about = "From the first byte of a request to the end of its head; 408.",
         .reason = "slow phones need a few seconds, slow attacks get no more",
         .range = kPatience}),
    field<&ListenTimeout::body>({.name = "body",
                                 .about = "Between two pieces of a request body; 408.",
                                 .reason = "a stalled upload holds an upstream connection",
                                 .range = kPatience}),
    field<&ListenTimeout::idle>({.name = "idle",
                                 .about = "Between two requests of a connection.",
                                 .reason = "browsers reuse within a minute",
                                 .range = kPatience}),
    field<&ListenTimeout::write>({.name = "write",
                                  .about = "Between two pieces that a client takes of a response.",
                                  .reason = "a client that takes nothing has gone",
                                  .range = kPatience}),
};

constexpr Field kListenLimitFields[] = {
    field<&ListenLimits::line>({.name = "line",
                                .about = "The request line; 414 beyond.",
                                .reason = "what browsers and common servers agree on",
                                .range = {256, 64 << 10}}),
    field<&ListenLimits::header>({.name = "header",
                                  .about = "All header fields of a request; 431 beyond.",
                                  .reason = "room for large cookies and tokens",
                                  .range = {1 << 10, 256 << 10}}),
    field<&ListenLimits::headers>({.name = "headers",
                                   .about = "Number of header fields of a request; 431 beyond.",
                                   .reason = "browsers send about 20, chains of proxies some more",
                                   .range = {8, 1'000}}),
    field<&ListenLimits::body>({.name = "body",
                                .about = "A request body; 413 beyond. Routes may allow more.",
                                .reason = "API calls fit; uploads are asked for by name"}),
    field<&ListenLimits::per_ip>(
        {.name = "per_ip",
         .about = "Connections of one client address (IPv6: one /64) to this listener; beyond, new "
                  "ones get 503 and Retry-After. Not for addresses in trusted_proxies.",
         .reason = "an office behind one address fits, a single host cannot take every connection",
         .range = {1, 10'000'000}}),
    field<&ListenLimits::streams>(
        {.name = "streams",
         .about = "Requests at a time on one HTTP/2 connection; more are refused, and a client may send them again.",
         .reason = "a page's worth of requests; each may hold 64 KiB of a body",
         .range = {1, 10'000}}),
};

constexpr config::Range kCounts{1, 10'000'000};
constexpr Field kListenHttp2Fields[] = {
    field<&ListenHttp2::resets>({.name = "resets",
                                 .about = "Streams reset in ten seconds, by the client or for its mistakes.",
                                 .reason = "a page that is left resets a hundred; a rapid reset attack, thousands",
                                 .range = kCounts}),
    field<&ListenHttp2::pings>({.name = "pings",
                                .about = "PING frames in ten seconds, beyond one for each piece of a body sent.",
                                .reason = "who only watches a connection sends one in seconds; each is answered",
                                .range = kCounts}),
    field<&ListenHttp2::settings>({.name = "settings",
                                   .about = "SETTINGS frames in ten seconds.",
                                   .reason = "clients send one; each is answered",
                                   .range = kCounts}),
    field<&ListenHttp2::empty_frames>({.name = "empty_frames",
                                       .about = "Frames of a body or head with nothing in them, in ten seconds.",
                                       .reason = "they cost work and move nothing",
                                       .range = kCounts}),
    field<&ListenHttp2::control_frames>(
        {.name = "control_frames",
         .about = "WINDOW_UPDATE and PRIORITY frames in ten seconds, beyond two for each piece of a body sent and each KiB of it.",
         .reason = "no client needs as many as that",
         .range = kCounts}),
    field<&ListenHttp2::continuations>({.name = "continuations",
                                        .about = "CONTINUATION frames of one head.",
                                        .reason = "with them 144 KiB, compressed: more than any head may have",
                                        .range = {1, 1'000}}),
    field<&ListenHttp2::stalls>(
        {.name = "stalls",
         .about = "Streams in ten seconds whose client kept their window closed for longer than timeout.write.",
         .reason = "a forgotten download is a few; each is reset, more end the connection",
         .range = kCounts}),
};

constexpr Field kOwnListenFields[] = {
    field<&ListenConfig::address>(
        {.name = "address",
         .about = "IP address and port (\":8443\": every address), or a unix socket.",
         .example = "\":8443\"",
         .need = config::Need::required,
         .instead_of = "port host bind listen"}),
    field<&ListenConfig::tls>({.name = "tls",
                               .about = "The [tls.NAME] to serve with. Without it: plain.",
                               .example = "\"site\"",
                               .instead_of = "ssl cert key certificate certificates ssl_certificate ssl_certificate_key"}),
    field<&ListenConfig::security>(
        {.name = "security_headers",
         .about = "\"api-strict\", \"web\" or a [security_headers.NAME]: what every response gets, errors too, unless its "
                  "route says otherwise.",
         .example = "\"web\""}),
    field<&ListenConfig::redirect>(
        {.name = "redirect",
         .about = "Sends every request to https on that listener's port (308).",
         .example = "\"listen.public\""}),
    field<&ListenConfig::proxy_protocol>(
        {.name = "proxy_protocol",
         .about = "Expect PROXY protocol v1 or v2, from trusted_proxies only.",
         .reason = "a client could claim any address with it"}),
    field<&ListenConfig::path_profile>(
        {.name = "path_profile",
         .about = "Which paths have a normal form; others get 400.",
         .reason = "\"//\" and \"%2F\" mean different things to different servers"}),
    field<&ListenConfig::timeout>({.name = "timeout", .about = "Patience with clients."}),
    field<&ListenConfig::limits>({.name = "limits", .about = "Limits on requests."}),
    field<&ListenConfig::protocols>(
        {.name = "protocols",
         .about = "What clients may speak: \"h1\"; \"h2\", agreed on by ALPN, on a TLS listener; \"h2c\", HTTP/2 from "
                  "the first byte, on a plain one. Without it: h1, and h2 where there is TLS.",
         .example = "[\"h1\", \"h2c\"]"}),
    field<&ListenConfig::http2>(
        {.name = "http2",
         .about = "What a client may do on one HTTP/2 connection; beyond, it is closed with ENHANCE_YOUR_CALM."}),
};

constexpr auto kIpsOfListen = config::within<&ListenConfig::ips, policy::kIpFilterFields>();
constexpr auto kListenFields = config::joined<kOwnListenFields, kIpsOfListen>();

// Limits of HTTP/2 where it is not spoken.
void check_http2(const ListenConfig& listen, const config::Value& table, config::Reader& reader) {
  const config::Entry* http2 = table.find("http2");
  if (http2 == nullptr || listen.http2 == ListenHttp2{}) return;   // `config show` writes defaults out
  const config::Entry* given = table.find("protocols");
  bool tls = table.find("tls") != nullptr;
  auto is_h1 = [](const config::Value& written) { return written.text == "h1"; };   // a misspelt one is told of by itself
  bool h1_alone = !tls;
  if (given) h1_alone = is_h1(given->value) || (!given->value.items.empty() && std::ranges::all_of(given->value.items, is_h1));
  if (!h1_alone) return;
  reader.issues().add(kNoHttp2, http2->at, reader.table_name() + " speaks no HTTP/2, so that this limits nothing").note =
      tls ? "protocols = [\"h1\", \"h2\"] does" : "protocols = [\"h1\", \"h2c\"] does, to clients that begin with it";
}

void check_protocols(const ListenConfig& listen, const config::Value& table, config::Reader& reader) {
  const config::Entry* given = table.find("protocols");
  if (given == nullptr) return;
  auto has = [&](Protocol one) {
    return std::find(listen.protocols.begin(), listen.protocols.end(), one) != listen.protocols.end();
  };
  bool tls = table.find("tls") != nullptr;
  if (listen.protocols.empty()) {
    reader.issues().add(kNoProtocols, given->value.at, reader.table_name() + " has an empty list of protocols");
  }
  if (tls ? !has(Protocol::h2c) : !has(Protocol::h2)) return;
  reader
      .issues()
      .add(kWrongH2, given->value.at,
           reader.table_name() + (tls ? " has TLS: HTTP/2 is \"h2\" there" : " is plain: HTTP/2 is \"h2c\" there"))
      .note = "h2 is agreed on in the TLS handshake, h2c begins with the first byte";
}

}  // namespace

std::span<const Field> config_fields(const ListenTimeout*) {
  return kListenTimeoutFields;
}
std::span<const Field> config_fields(const ListenLimits*) {
  return kListenLimitFields;
}
std::span<const Field> config_fields(const ListenHttp2*) {
  return kListenHttp2Fields;
}
std::span<const Field> config_fields(const ListenConfig*) {
  return kListenFields;
}

void config_check(const ListenConfig& listen, const config::Value& table, config::Reader& reader) {
  policy::check_ip_filter(table, reader);
  if (listen.address.value.is_unix() && !listen.ips.empty()) {
    reader.issues().add(kIpsOnUnix, table.at, reader.table_name() + " is a unix socket: its clients have no address").note =
        "file permissions say who may connect there";
  }
  check_protocols(listen, table, reader);
  check_http2(listen, table, reader);
  const config::Entry* tls = table.find("tls");
  if (tls == nullptr || listen.redirect.listen.empty()) return;
  reader.issues().add(kRedirectWithTls, tls->at,
                      reader.table_name() + " redirects to https, so it is plain itself");
}

}  // namespace sluice::snapshot

namespace sluice::config {

void TypeOf<snapshot::ListenTarget>::read(Reader& reader, const Value& value, const Field& field,
                                          void* out) {
  constexpr std::string_view kPrefix = "listen.";
  if (value.kind != Value::Kind::string) return reader.wrong_type(value, field);
  if (!value.text.starts_with(kPrefix) || value.text.size() == kPrefix.size()) {
    return reader.bad_text(value, field, 0, "write \"listen.\" and its name");
  }
  auto& target = *static_cast<snapshot::ListenTarget*>(out);
  target.listen = {value.text.substr(kPrefix.size()), value.at};
}

void TypeOf<snapshot::ListenTarget>::print(const void* object, std::string& out) {
  const auto& target = *static_cast<const snapshot::ListenTarget*>(object);
  if (!target.listen.empty()) out += toml_string("listen." + target.listen.name);
}

}  // namespace sluice::config

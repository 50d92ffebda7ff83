#include "snapshot/sections.h"

#include <algorithm>

#include "config/joined.h"
#include "route/route_fields.h"

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
constexpr IssueKind kControlNotUnix{"control_not_unix"};
constexpr IssueKind kNoCertificates{"tls_without_certificates"};
constexpr IssueKind kRouteEnds{"route_ends"};
constexpr IssueKind kRewriteAlone{"rewrite_without_upstream"};
constexpr IssueKind kUpgradeAlone{"upgrade_without_upstream"};
constexpr IssueKind kUpgradeMethods{"upgrade_methods"};
constexpr IssueKind kWebSocketAlone{"websocket_without_upgrade"};

constexpr int64_t kMillisecond = 1'000'000;
constexpr int64_t kDay = 86'400'000 * kMillisecond;
constexpr config::Range kPatience{kMillisecond, kDay};

constexpr Field kServerFields[] = {
    field<&ServerConfig::workers>(
        {.name = "workers",
         .about = "Worker threads.",
         .reason = "one per core this process may use (affinity and cgroup quota respected)",
         .example = "4",
         .range = {1, 256},
         .instead_of = "threads worker_processes"}),
    field<&ServerConfig::drain_delay>(
        {.name = "drain_delay",
         .about = "After SIGTERM readiness fails at once, and draining begins this much later.",
         .reason = "load balancers look every few seconds",
         .range = {0, kDay}}),
    field<&ServerConfig::drain_timeout>({.name = "drain_timeout",
                                         .about = "How long requests in flight may take to end.",
                                         .reason = "what service managers grant by default",
                                         .range = {0, kDay}}),
    field<&ServerConfig::connections_max>(
        {.name = "connections_max",
         .about = "Client connections of the process; beyond, new ones get 503 and Retry-After.",
         .reason = "what the limit on open files allows, 100,000 at most: about 100 MiB of idle connections",
         .example = "20_000",
         .range = {1, 10'000'000},
         .instead_of = "max_connections"}),
    field<&ServerConfig::memory_max>(
        {.name = "memory_max",
         .about = "Memory of the process that connections and requests may hold; beyond, new ones "
                  "get 503 and Retry-After, and nobody is read from who would make it more.",
         .reason = "four fifths of the machine's or container's memory: the rest is for the system, "
                   "the configuration and logs",
         .example = "\"2GiB\"",
         .range = {kMemoryLimitLeast, int64_t{1} << 50}}),
    field<&ServerConfig::limit_memory_max>(
        {.name = "limit_memory_max",
         .about = "Memory of the table that counts for every [limit.NAME]: 32 bytes a key, rounded down to a power "
                  "of two. When it is full a new key takes the place of one whose use has worn off, or of the one "
                  "that used least.",
         .reason = "two million keys; what is not used of it costs nothing",
         .range = {1 << 16, int64_t{1} << 40}}),
};

constexpr Field kAdminFields[] = {
    field<&AdminConfig::address>({.name = "address",
                                  .about = "Serves /metrics /healthz /readyz, read-only.",
                                  .example = "\"127.0.0.1:9901\"",
                                  .need = config::Need::required,
                                  .instead_of = "port host bind listen metrics health"}),
    field<&AdminConfig::control>({.name = "control",
                                  .about = "The control socket, for the service's own user and root: `sluice reload`, `sluice connections`, "
                                           "`sluice key list`.",
                                  .example = "\"unix:/run/sluice/control.sock\""}),
};

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

constexpr Field kCertificateFields[] = {
    field<&CertificateConfig::cert>({.name = "cert",
                                     .about = "The certificate and its chain, in PEM.",
                                     .example = "\"site.pem\"",
                                     .need = config::Need::required}),
    field<&CertificateConfig::key>({.name = "key",
                                    .about = "Its private key, in PEM.",
                                    .example = "\"site.key\"",
                                    .need = config::Need::required}),
};

constexpr Field kHstsFields[] = {
    field<&HstsConfig::max_age>(
        {.name = "max_age",
         .about = "How long browsers insist on https; \"0s\" sends no header.",
         .reason = "a day: a mistake is over tomorrow",
         .range = {0, 730 * kDay}}),
    field<&HstsConfig::subdomains>({.name = "subdomains",
                                    .about = "Names below the host too.",
                                    .reason = "not every subdomain may be ready for it"}),
};

constexpr Field kClientCertFields[] = {
    field<&ClientCertConfig::ca>(
        {.name = "ca",
         .about = "Certificates in PEM that a client's must lead to; each is trusted by itself.",
         .example = "\"partners-ca.pem\"",
         .need = config::Need::required}),
    field<&ClientCertConfig::mode>(
        {.name = "mode",
         .about = "\"require\": no handshake without one; \"optional\": none, or a good one.",
         .reason = "who asks for certificates means to be shown them"}),
    field<&ClientCertConfig::crl>(
        {.name = "crl",
         .about = "Revocation lists in PEM, one for each authority of a chain; who is on them, and "
                  "everyone once they are out of date, is refused.",
         .example = "\"partners.crl\""}),
};

constexpr Field kTlsFields[] = {
    field<&TlsConfig::certificates>(
        {.name = "certificates",
         .about = "One or several, chosen by the name that the client asks for; "
                  "the first is for all others. Replaced files are in use within 5 s.",
         .example = "[{ cert = \"site.pem\", key = \"site.key\" }]",
         .need = config::Need::required}),
    field<&TlsConfig::profile>({.name = "profile",
                                .about = "\"intermediate\": TLS 1.2 and 1.3; \"modern\": 1.3 only.",
                                .reason = "some clients have no 1.3 yet"}),
    field<&TlsConfig::tickets>(
        {.name = "tickets",
         .about = "Sessions resume: clients get tickets. With false every connection makes a full handshake, and none costs the "
                  "two tickets.",
         .reason = "a resumed handshake saves the certificate's signature; the keys are in memory only and change"}),
    field<&TlsConfig::hsts>(
        {.name = "hsts",
         .about = "Strict-Transport-Security; never for IP addresses and localhost."}),
    field<&TlsConfig::client_cert>(
        {.name = "client_cert",
         .about = "Ask clients for certificates. Without it they are not asked.",
         .example = "{ ca = \"partners-ca.pem\", crl = \"partners.crl\" }"}),
};

constexpr Field kPolicyFields[] = {
    field<&RouteSection::limits>({.name = "limit",
                                  .about = "[limit.NAME]s that every request is held against; the tightest answers. "
                                           "With { name = \"...\", cost = 5 } a request uses more than one.",
                                  .example = "[\"per_user\"]",
                                  .instead_of = "rate rate_limit ratelimit rate_limits rate_limiting limit_req"}),
    field<&RouteSection::headers>(
        {.name = "headers",
         .about = "Header fields set, added and removed, both ways.",
         .example = "{ request = { set = { X-Client = \"{ip}\" } } }",
         .instead_of = "header request_headers response_headers proxy_set_header add_header"}),
    field<&RouteSection::auth>(
        {.name = "auth",
         .about = "Who may ask: the [auth.NAME]s of which any one is enough, or { all = [...] }; \"none\": "
                  "everybody.",
         .example = "[\"partners\"]"}),
    field<&RouteSection::ticket>(
        {.name = "ticket",
         .about = "Answers whoever `auth` lets in with a ticket that the [auth.NAME] of type = \"ticket\" takes once: pages "
                  "open WebSockets with it.",
         .example = "\"sockets\""}),
    field<&RouteSection::allow>(
        {.name = "allow",
         .about = "What must be true of whoever asks; a list: any one of its rules. Everybody else gets 403.",
         .example = "{ scopes = [\"orders:read\"], path = { user_id = \"claim.sub\" } }"}),
    field<&RouteSection::keep_credentials>(
        {.name = "keep_credentials",
         .about = "The upstream gets the client's credentials too.",
         .reason = "a service that does not see them cannot leak them"}),
    field<&RouteSection::cors>({.name = "cors",
                                .about = "The [cors.NAME] that says which pages may read the answers.",
                                .example = "\"web\""}),
    field<&RouteSection::authorizer>({.name = "authorizer",
                                      .about = "The [authorizer.NAME] that is asked whether a request may pass.",
                                      .example = "\"permissions\"",
                                      .instead_of = "auth_request forward_auth ext_authz external_auth"}),
    field<&RouteSection::security>(
        {.name = "security_headers",
         .about = "In place of the listener's: \"api-strict\", \"web\", a [security_headers.NAME], or \"none\".",
         .example = "\"api-strict\""}),
    field<&RouteSection::plugins>({.name = "plugins",
                                   .about = "[plugin.NAME]s that judge the request, in this order.",
                                   .example = "[\"versions\"]"}),
};

constexpr auto kIpsOfRoute = config::within<&RouteSection::ips, policy::kIpFilterFields>();
constexpr auto kIpsOfListen = config::within<&ListenConfig::ips, policy::kIpFilterFields>();
constexpr auto kRouting = config::within<&RouteSection::route, route::kRouteFields>();
constexpr auto kRouteSectionFields = config::joined<kRouting, kIpsOfRoute, kPolicyFields>();
constexpr auto kListenFields = config::joined<kOwnListenFields, kIpsOfListen>();

// A socket leads to an upstream, and begins with a GET.
void check_upgrade(const route::RouteConfig& route, const config::Value& table, config::Reader& reader) {
  const config::Entry* websocket = table.find("websocket");
  if (!route.match.upgrade) {
    const config::Entry* match = table.find("match");
    bool unread = match == nullptr || match->value.broken || match->value.find("upgrade") != nullptr;
    if (websocket == nullptr || unread) return;
    reader.issues().add(kWebSocketAlone, websocket->at, "no request opens a WebSocket here").note =
        "match = { ..., upgrade = \"websocket\" } makes the route one for WebSockets";
    return;
  }
  const auto& methods = route.match.methods;
  if (!methods.empty() && std::find(methods.begin(), methods.end(), http::Method::get) == methods.end()) {
    reader.issues().add(kUpgradeMethods, table.find("match")->at, "a WebSocket is opened with GET, which match.methods leaves out");
  }
  if (table.find("upstream") != nullptr) return;
  reader.issues().add(kUpgradeAlone, table.find("match")->at, "a WebSocket leads to an upstream");
}

}  // namespace

std::span<const Field> config_fields(const ServerConfig*) {
  return kServerFields;
}
std::span<const Field> config_fields(const AdminConfig*) {
  return kAdminFields;
}
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
std::span<const Field> config_fields(const CertificateConfig*) {
  return kCertificateFields;
}
std::span<const Field> config_fields(const HstsConfig*) {
  return kHstsFields;
}
std::span<const Field> config_fields(const ClientCertConfig*) {
  return kClientCertFields;
}
std::span<const Field> config_fields(const TlsConfig*) {
  return kTlsFields;
}
std::span<const Field> config_fields(const RouteSection*) {
  return kRouteSectionFields;
}

void config_check(const AdminConfig& admin, const config::Value& table, config::Reader& reader) {
  const config::Entry* given = table.find("control");
  if (!admin.control || admin.control->value.is_unix()) return;
  if (given->value.text.starts_with("unix:") || given->value.text.starts_with('/')) return;   // said already what is wrong
  reader
      .issues()
      .add(kControlNotUnix, admin.control->at, "control must be a unix socket: who asks is known there")
      .hint = "such as \"unix:/run/sluice/control.sock\"";
}

namespace {

void check_protocols(const ListenConfig& listen, const config::Value& table, config::Reader& reader) {
  const config::Entry* given = table.find("protocols");
  auto has = [&](Protocol one) {
    return std::find(listen.protocols.begin(), listen.protocols.end(), one) != listen.protocols.end();
  };
  bool tls = table.find("tls") != nullptr;
  auto is_h1 = [](const config::Value& written) { return written.text == "h1"; };   // a misspelt one is told of by itself
  bool h1_alone = given == nullptr ? !tls : is_h1(given->value) || (!given->value.items.empty() && std::ranges::all_of(given->value.items, is_h1));
  if (const config::Entry* http2 = table.find("http2"); http2 && h1_alone && listen.http2 != ListenHttp2{}) {
    reader.issues().add(kNoHttp2, http2->at, reader.table_name() + " speaks no HTTP/2, so that this limits nothing").note =
        tls ? "protocols = [\"h1\", \"h2\"] does" : "protocols = [\"h1\", \"h2c\"] does, to clients that begin with it";
  }
  if (given == nullptr) return;
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

void config_check(const ListenConfig& listen, const config::Value& table, config::Reader& reader) {
  policy::check_ip_filter(table, reader);
  if (listen.address.value.is_unix() && !listen.ips.empty()) {
    reader.issues().add(kIpsOnUnix, table.at, reader.table_name() + " is a unix socket: its clients have no address").note =
        "file permissions say who may connect there";
  }
  check_protocols(listen, table, reader);
  const config::Entry* tls = table.find("tls");
  if (tls == nullptr || listen.redirect.listen.empty()) return;
  reader.issues().add(kRedirectWithTls, tls->at,
                      reader.table_name() + " redirects to https, so it is plain itself");
}

void config_check(const TlsConfig& tls, const config::Value& table, config::Reader& reader) {
  const config::Entry* certificates = table.find("certificates");
  if (certificates == nullptr || !tls.certificates.empty()) return;
  reader.issues().add(kNoCertificates, certificates->value.at,
                      reader.table_name() + " has no certificates");
}

void config_check(const RouteSection& route, const config::Value& table, config::Reader& reader) {
  policy::check_ip_filter(table, reader);
  check_upgrade(route.route, table, reader);
  int ends = 0;
  config::Position last = table.at;
  for (std::string_view key : {"upstream", "redirect", "respond", "ticket"}) {
    const config::Entry* entry = table.find(key);
    if (entry == nullptr) continue;
    ++ends;
    last = entry->at;
  }
  if (ends != 1) {
    reader.issues().add(kRouteEnds, last,
                        reader.table_name() +
                            " ends in exactly one of upstream, redirect, respond and ticket, not " +
                            (ends == 0 ? "none" : std::to_string(ends)));
  }
  const config::Entry* rewrite = table.find("rewrite");
  if (rewrite == nullptr || table.find("upstream") != nullptr || ends != 1) return;
  reader.issues().add(kRewriteAlone, rewrite->at, "only a request to an upstream is rewritten");
}

}  // namespace sluice::snapshot

namespace sluice::config {

void TypeOf<snapshot::AutomaticCount>::read(Reader& reader, const Value& value, const Field& field,
                                         void* out) {
  auto& number = *static_cast<snapshot::AutomaticCount*>(out);
  if (value.kind != Value::Kind::integer && value.text != kWords[0])
    return reader.wrong_type(value, field);
  if (value.kind != Value::Kind::integer) {
    number.count = 0;
  } else if (check_integer(reader, value, field, UINT32_MAX)) {
    number.count = static_cast<uint32_t>(value.integer);
  }
}

void TypeOf<snapshot::AutomaticCount>::print(const void* object, std::string& out) {
  uint32_t count = static_cast<const snapshot::AutomaticCount*>(object)->count;
  out += count == 0 ? "\"auto\"" : std::to_string(count);
}

Result<snapshot::MemoryLimit, TextError> TextForm<snapshot::MemoryLimit>::parse(
    std::string_view text) {
  if (text == "auto") return snapshot::MemoryLimit{};
  Result<Bytes, TextError> bytes = parse_bytes(text);
  if (!bytes) return bytes.error();
  return snapshot::MemoryLimit{bytes->count, false};
}

std::string TextForm<snapshot::MemoryLimit>::print(const snapshot::MemoryLimit& limit) {
  return limit.is_auto ? "auto" : print_bytes({limit.bytes});
}

Result<net::SocketAddress, TextError> TextForm<net::SocketAddress>::parse(std::string_view text) {
  Result<net::SocketAddress> address = net::SocketAddress::parse(text);
  if (!address) return TextError{address.error().what, 0};
  return *std::move(address);
}

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

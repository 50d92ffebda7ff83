#include "snapshot/sections.h"

#include <algorithm>

#include "config/joined.h"
#include "route/route_fields.h"

namespace sluice::snapshot {

using config::field;
using config::Field;
using config::IssueKind;

namespace {

constexpr IssueKind kControlNotUnix{"control_not_unix"};
constexpr IssueKind kNoCertificates{"tls_without_certificates"};
constexpr IssueKind kRouteEnds{"route_ends"};
constexpr IssueKind kRewriteAlone{"rewrite_without_upstream"};
constexpr IssueKind kUpgradeAlone{"upgrade_without_upstream"};
constexpr IssueKind kUpgradeMethods{"upgrade_methods"};
constexpr IssueKind kWebSocketAlone{"websocket_without_upgrade"};

constexpr int64_t kDay = 86'400'000'000'000;   // of nanoseconds

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
constexpr auto kRouting = config::within<&RouteSection::route, route::kRouteFields>();
constexpr auto kRouteSectionFields = config::joined<kRouting, kIpsOfRoute, kPolicyFields>();

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

}  // namespace sluice::config

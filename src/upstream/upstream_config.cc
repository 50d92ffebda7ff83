#include "upstream/upstream_config.h"

#include <algorithm>

#include "base/text.h"
#include "net/address.h"

namespace sluice::upstream {

using config::field;
using config::Field;
using config::IssueKind;

namespace {

constexpr IssueKind kNoServers{"upstream_without_servers"};
constexpr IssueKind kServerTwice{"server_twice"};
constexpr IssueKind kTlsWithoutSni{"upstream_tls_without_name"};
constexpr IssueKind kWrongH2{"upstream_protocol_and_tls"};
constexpr IssueKind kHealthProtocol{"health_protocol"};
constexpr IssueKind kHealthPort{"health_port"};
constexpr IssueKind kHealthName{"health_websocket_name"};
constexpr IssueKind kTlsName{"tls_name"};
constexpr IssueKind kTlsHalfPair{"upstream_tls_half_a_pair"};

constexpr int64_t kMillisecond = 1'000'000;
constexpr int64_t kDay = 86'400'000 * kMillisecond;
constexpr config::Range kPatience{kMillisecond, kDay};

constexpr Field kEndpointFields[] = {
    field<&EndpointConfig::address>(
        {.name = "address",
         .about = "Host and port, or a unix socket; names resolve with their TTL.",
         .example = "\"10.0.1.11:8080\"",
         .need = config::Need::required}),
    field<&EndpointConfig::weight>({.name = "weight",
                                    .about = "Its share of requests, against the other servers.",
                                    .reason = "all servers are equal",
                                    .range = {1, 1'000}}),
};

constexpr Field kTimeoutFields[] = {
    field<&UpstreamTimeout::connect>(
        {.name = "connect",
         .about = "Until the connection stands, TLS included.",
         .reason = "ten round trips across an ocean; a dead host is noticed soon",
         .range = kPatience}),
    field<&UpstreamTimeout::response>(
        {.name = "response",
         .about = "From the sent request to the head of the response.",
         .reason = "longer than a patient user waits",
         .range = kPatience}),
    field<&UpstreamTimeout::body>({.name = "body",
                                   .about = "Between two pieces of a body, either way.",
                                   .reason = "long downloads live, stalled ones end",
                                   .range = kPatience}),
};

constexpr Field kKeepFields[] = {
    field<&KeepConfig::idle>({.name = "idle",
                              .about = "How long an idle connection is kept.",
                              .reason = "below the 60 s after which common servers close",
                              .range = {kMillisecond, kDay}}),
    field<&KeepConfig::max>({.name = "max",
                             .about = "Idle connections that the process keeps to this upstream.",
                             .reason = "a busy upstream's connections all fit",
                             .range = {0, 100'000}}),
};

constexpr Field kTlsFields[] = {
    field<&UpstreamTls::enabled>({.name = "enabled",
                                  .about = "Whether TLS is used; `tls = true` says the same.",
                                  .reason = "a tls table means TLS"}),
    field<&UpstreamTls::ca>(
        {.name = "ca",
         .about = "Certificates in PEM that the server's must lead to; otherwise the system's.",
         .example = "\"internal-ca.pem\""}),
    field<&UpstreamTls::sni>(
        {.name = "sni",
         .about = "The name asked for and verified; otherwise the server's host name.",
         .example = "\"orders.internal\""}),
    field<&UpstreamTls::verify>({.name = "verify",
                                 .about = "Verify the server's certificate and name.",
                                 .reason = "without it anyone on the way can answer"}),
    field<&UpstreamTls::cert>(
        {.name = "cert",
         .about = "Our certificate and its chain in PEM, for servers that ask for one; with key.",
         .example = "\"gateway.pem\""}),
    field<&UpstreamTls::key>({.name = "key",
                              .about = "Its private key, in PEM.",
                              .example = "\"gateway.key\""}),
};

constexpr Field kUpstreamFields[] = {
    field<&UpstreamConfig::servers>(
        {.name = "servers",
         .about = "The servers behind this name, each as an address or { address, weight }.",
         .example = "[\"10.0.1.10:8080\", { address = \"10.0.1.11:8080\", weight = 2 }]",
         .need = config::Need::required,
         .instead_of = "address host port target url nodes targets endpoints backends hosts"}),
    field<&UpstreamConfig::balance>({.name = "balance",
                                     .about = "Which server takes a request.",
                                     .reason = "a slow server gets fewer requests by itself",
                                     .example = "\"round_robin\"",
                                     .instead_of = "lb lb_policy load_balancing algorithm policy"}),
    field<&UpstreamConfig::timeout>(
        {.name = "timeout",
         .about = "How long each part of an exchange may take; 504 after that."}),
    field<&UpstreamConfig::keep>({.name = "keep",
                                  .about = "Connections kept for later requests.",
                                  .example = "{ max = 100 }",
                                  .instead_of = "keepalive keep_alive pool"}),
    field<&UpstreamConfig::tls>(
        {.name = "tls",
         .about = "TLS to the servers: true, or a table. Without it: plain.",
         .example = "{ ca = \"internal-ca.pem\", sni = \"orders.internal\" }"}),
    field<&UpstreamConfig::max_in_flight>(
        {.name = "max_in_flight",
         .about = "Requests of the process that this upstream has at a time; 503 beyond. "
                  "Without it only connections_max bounds them.",
         .example = "200",
         .range = {1, 1'000'000}}),
    field<&UpstreamConfig::protocol>(
        {.name = "protocol",
         .about = "What the servers speak: \"h1\"; \"h2\", agreed on by ALPN, with TLS; \"h2c\", HTTP/2 from the first "
                  "byte, without. Over HTTP/2 many requests share a connection.",
         .reason = "every server speaks HTTP/1.1"}),
    field<&UpstreamConfig::streams>(
        {.name = "streams",
         .about = "Requests at a time on one HTTP/2 connection to a server, if the server allows as many; then another "
                  "connection is opened.",
         .reason = "what servers commonly allow",
         .range = {1, 10'000}}),
    field<&UpstreamConfig::health>(
        {.name = "health",
         .about = "Checks of each server, without end; one that fails them gets no requests. Without it: none.",
         .example = "{ path = \"/healthz\", every = \"5s\" }"}),
    config::later("queue"),
    config::later("eject"),
    config::later("retry"),
};

// Labels of names are not empty, but for the root's; the last is not a number, or it is an address with a slip in it.
bool is_host_name(std::string_view host) {
  bool clean = std::all_of(host.begin(), host.end(), [](char c) {
    return is_alpha(c) || is_digit(c) || c == '.' || c == '-' || c == '_';
  });
  if (host.ends_with('.')) host.remove_suffix(1);
  bool whole = !host.empty() && !host.starts_with('.') && !host.ends_with('.') && host.find("..") == std::string_view::npos;
  size_t dot = host.rfind('.');
  std::string_view last = host.substr(dot == std::string_view::npos ? 0 : dot + 1);
  bool number = std::all_of(last.begin(), last.end(), [](char c) { return is_digit(c); });
  return clean && whole && !number && host.size() <= 253;
}

}  // namespace

std::span<const Field> config_fields(const EndpointConfig*) {
  return kEndpointFields;
}
std::span<const Field> config_fields(const UpstreamTimeout*) {
  return kTimeoutFields;
}
std::span<const Field> config_fields(const KeepConfig*) {
  return kKeepFields;
}
std::span<const Field> config_fields(const UpstreamTls*) {
  return kTlsFields;
}
std::span<const Field> config_fields(const UpstreamConfig*) {
  return kUpstreamFields;
}

std::string ServerAddress::to_string() const {
  if (is_unix()) return "unix:" + unix_path;
  bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<ServerAddress, config::TextError> ServerAddress::parse(std::string_view text) {
  if (text.starts_with("unix:")) {
    Result<net::SocketAddress> address = net::SocketAddress::parse(text);
    if (!address) return config::TextError{address.error().what, 0};
    return ServerAddress{"", 0, address->path()};
  }
  Result<net::HostPort> parts = net::parse_host_port(text);
  if (!parts) return config::TextError{parts.error().what, 0};
  if (!IpAddress::parse(parts->host) && !is_host_name(parts->host)) {
    return config::TextError{"the host is a name of letters, digits, -, _ and ., or an IP address",
                             0};
  }
  return ServerAddress{parts->host, parts->port, ""};
}

void config_check(const UpstreamTls& tls, const config::Value& table, config::Reader& reader) {
  if (const config::Entry* sni = table.find("sni"); sni && !tls.sni.empty() && !is_host_name(tls.sni) && !IpAddress::parse(tls.sni)) {
    reader.issues().add(kTlsName, sni->value.at, config::quoted(tls.sni) + " is no host name");
  }
  const config::Entry* cert = table.find("cert");
  const config::Entry* key = table.find("key");
  if ((cert == nullptr) == (key == nullptr)) return;
  reader.issues()
      .add(kTlsHalfPair, (cert ? cert : key)->at,
           std::string(cert ? "cert without key" : "key without cert"))
      .note = "a certificate is of use only together with its private key";
}

namespace {

// libwebsockets asks for and verifies the name in Host, and knows no address of IPv6 as one.
void check_websocket_health(const UpstreamConfig& upstream, config::Position at, config::Reader& reader) {
  if (upstream.protocol != Protocol::h1) {
    reader.issues().add(kHealthProtocol, at, reader.table_name() + " has checks of type \"websocket\", which speak HTTP/1.1 only").note =
        "leave protocol out, or check by type = \"http\"";
  }
  if (!upstream.uses_tls()) return;
  if (!upstream.health->host.empty()) {
    reader.issues().add(kHealthName, at, "over TLS a WebSocket check has one name for Host and certificate").note =
        "leave health.host out; tls.sni is the name of both";
  }
  for (const EndpointConfig& server : upstream.servers) {
    bool ip6 = server.address.value.host.find(':') != std::string::npos;
    if (!ip6 || !upstream.tls->sni.empty()) continue;
    reader.issues().add(kHealthName, server.address.at, "a WebSocket check over TLS cannot verify an IPv6 address").note = "give tls an sni";
  }
}

void check_health(const UpstreamConfig& upstream, const config::Value& table, config::Reader& reader) {
  config::Position at = table.find("health")->at;
  if (upstream.health->type == HealthType::grpc && upstream.protocol == Protocol::h1) {
    reader.issues().add(kHealthProtocol, at, reader.table_name() + " has checks of type \"grpc\", and HTTP/1.1 carries no gRPC").note =
        std::string("give it protocol = \"") + (upstream.uses_tls() ? "h2" : "h2c") + '"';
  }
  if (upstream.health->type == HealthType::websocket) check_websocket_health(upstream, at, reader);
  for (const EndpointConfig& server : upstream.servers) {
    if (!upstream.health->port || !server.address.value.is_unix()) continue;
    reader.issues().add(kHealthPort, server.address.at, "a unix socket has no port, and health.port names one");
  }
}

}  // namespace

void config_check(const UpstreamConfig& upstream, const config::Value& table,
                  config::Reader& reader) {
  if (upstream.health) check_health(upstream, table, reader);
  const config::Entry* servers = table.find("servers");
  if (servers != nullptr && upstream.servers.empty()) {
    reader.issues().add(kNoServers, servers->value.at, reader.table_name() + " has no servers");
  }
  for (size_t i = 1; i < upstream.servers.size(); ++i) {
    const auto& address = upstream.servers[i].address;
    auto end = upstream.servers.begin() + static_cast<long>(i);
    bool twice = std::any_of(upstream.servers.begin(), end, [&](const EndpointConfig& other) {
      return other.address.value == address.value;
    });
    bool known = address.value.is_unix() || address.value.port != 0;  // otherwise reported already
    if (!twice || !known) continue;
    reader.issues()
        .add(kServerTwice, address.at,
             config::quoted(address.value.to_string()) + " is named twice")
        .note = "for a larger share give it a weight";
  }
  bool wrong = upstream.uses_tls() ? upstream.protocol == Protocol::h2c : upstream.protocol == Protocol::h2;
  if (const config::Entry* protocol = table.find("protocol"); protocol && wrong) {
    reader.issues()
        .add(kWrongH2, protocol->value.at,
             reader.table_name() + (upstream.uses_tls() ? " has TLS: HTTP/2 is \"h2\" there" : " has no TLS: HTTP/2 is \"h2c\" there"))
        .note = "h2 is agreed on in the TLS handshake, h2c begins with the first byte";
  }
  if (!upstream.uses_tls() || !upstream.tls->verify || !upstream.tls->sni.empty()) return;
  for (const EndpointConfig& server : upstream.servers) {
    if (!server.address.value.is_unix()) continue;
    reader.issues()
        .add(kTlsWithoutSni, server.address.at, "TLS to a unix socket has no name to verify")
        .note = "give tls an sni";
  }
}

}  // namespace sluice::upstream

// `sluice explain METHOD URL`: which route matches and why, every policy in order, and the
// upstream request that would leave, byte for byte; or the response that the gateway would make
// itself.
#include <cstdio>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/rehearsal.h"
#include "cli/url.h"
#include "config/units.h"
#include "snapshot/build.h"
#include "snapshot/conceal.h"

namespace sluice::cli {
namespace {

int complain(const std::string& text) {
  std::fprintf(stderr, "sluice: %s\n", text.c_str());
  return 1;
}

constexpr std::string_view kProtocol = ":protocol:";

/// As a client sends it: Host first, unless it is given; then the fields as they are. An extended CONNECT of HTTP/2 (one
/// with a field :protocol) is the GET that the gateway makes of it.
std::string request_text(const ExplainOptions& options, const Url& url) {
  bool host_given = false, tunnels = false;
  std::string fields;
  for (const std::string& header : options.headers) {
    host_given |= equals_ignore_case(header.substr(0, header.find(':')), "host");
    if (options.method == "CONNECT" && header.starts_with(kProtocol)) {
      tunnels = true;
      fields += "Connection: Upgrade\r\nSec-WebSocket-Key: c2x1aWNlIGV4cGxhaW5zIQ==\r\nUpgrade:" + header.substr(kProtocol.size()) + "\r\n";
    } else {
      fields += header + "\r\n";
    }
  }
  std::string text = (tunnels ? "GET" : options.method) + " " + url.target + " HTTP/1.1\r\n";
  if (!host_given) text += "Host: " + std::string(url.authority) + "\r\n";
  return text + fields + "\r\n";
}

/// By name; else the one of the URL's scheme, on its port if there is one such.
/// gives: null when there is no listener of that name
const snapshot::ListenerPart* choose_listener(const snapshot::Snapshot& snapshot,
                                              const std::string& name, const Url& url) {
  const snapshot::ListenerPart* best = nullptr;
  int best_rank = -1;
  for (const auto& part : snapshot.listeners) {
    if (!name.empty()) {
      if (part->name == name) return part.get();
      continue;
    }
    const server::ListenerSettings& settings = *part->settings;
    bool scheme = url.absolute ? (settings.tls != nullptr) == url.tls : settings.redirect_port == 0;
    bool port = url.port != 0 && !settings.address.is_unix() && settings.address.port() == url.port;
    int rank = (scheme ? 2 : 0) + (port ? 1 : 0);
    if (rank <= best_rank) continue;
    best = part.get();
    best_rank = rank;
  }
  return best;
}

/// Lines of a message, each with four spaces before it and without its CR LF; its empty last line
/// ends the block.
std::string indented(std::string_view bytes) {
  std::string out;
  while (!bytes.empty()) {
    size_t end = bytes.find('\n');
    std::string_view line = bytes.substr(0, end);
    bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty()) out += "    " + std::string(line);
    out += "\n";
  }
  return out;
}

std::string listener_text(const snapshot::ListenerPart& listener,
                          const server::ClientFacts& client) {
  const server::ListenerSettings& settings = *listener.settings;
  std::string out = "listener " + listener.name + " (" + settings.address.to_string() +
                    (settings.tls ? ", TLS" : "");
  if (settings.ips) out += ", ips: " + settings.ips->describe();
  return out + "), client " + client.ip.to_string() +
         (client.tls ? " over https\n" : " over http\n");
}

/// What of the URL no listener serves as it stands, so that another one was taken.
std::string mismatch_text(const server::ListenerSettings& settings, const Url& url) {
  if (!url.absolute) return {};
  if ((settings.tls != nullptr) != url.tls) {
    return url.tls ? "note: no listener has TLS: shown as behind something that has\n"
                   : "note: every listener has TLS: there would be no answer over http\n";
  }
  bool ported = url.port != 0 && !settings.address.is_unix();
  if (!ported || settings.address.port() == url.port) return {};
  return "note: no listener has port " + std::to_string(url.port) + "\n";
}

std::string policies_text(const snapshot::RoutePart& route) {
  std::string out = "policies:\n";
  std::string buffers;
  for (size_t i = 0; i < route.pipeline.size(); ++i) {
    const policy::Policy& policy = route.pipeline[i];
    out += "  " + std::to_string(i + 1) + ". " + std::string(policy.name()) + ": " +
           policy.describe() + "\n";
    if (!policy.wants().whole_request) continue;
    buffers += (buffers.empty() ? "" : ", ") + std::string(policy.name());
  }
  if (route.pipeline.size() == 0) out += "  none\n";
  return out + "body: " +
         (buffers.empty() ? "streams both ways, nothing buffers it\n"
                          : "held whole for " + buffers + "\n");
}

std::string websocket_text(const route::WebSocketConfig& socket) {
  std::string out = "websocket: ";
  if (!socket.message_aware()) out += "relayed frame by frame unread";
  else out += std::string("frames are read, compression ") + (socket.deflate_passes() ? "passes" : "is refused");
  if (socket.max_message) out += ", messages up to " + config::print_bytes(*socket.max_message);
  if (socket.rate) out += ", at most " + config::print_rate(socket.rate->value) + " from the client";
  if (const auto& types = socket.message_types) {
    out += ", whose " + types->field + " is ";
    for (size_t i = 0; i < types->allow.size(); ++i) out += (i == 0 ? "" : " | ") + types->allow[i];
  }
  if (socket.ping) out += ", pinged after " + config::print_duration(*socket.ping);
  out += ", idle " + config::print_duration(socket.idle);
  bool ends = socket.on_expiry == route::OnExpiry::close;
  return out + (ends ? ", ends with the credential\n" : ", outlives the credential\n");
}

std::string limits_text(const snapshot::RoutePart& route,
                        const server::ListenerSettings& settings) {
  auto bytes = [](uint64_t count) { return config::print_bytes({count}); };
  std::string out = "limits: request line " + bytes(settings.limits.line_bytes_max) +
                    ", header fields " + bytes(settings.limits.header_bytes_max) + " and " +
                    std::to_string(settings.limits.headers_max) + ", body " +
                    bytes(route.body_bytes_max.value_or(settings.body_bytes_max)) +
                    (route.body_bytes_max ? " (the route's)\n" : " (the listener's)\n");
  auto time = [](Duration duration) { return config::print_duration(duration); };
  const wire::Timeouts& patience = settings.timeouts;
  out += "client timeouts: header " + time(patience.header) + ", body " + time(patience.body) +
         ", idle " + time(patience.idle) + ", write " + time(patience.write) + "\n";
  if (route.websocket) out += websocket_text(*route.websocket);
  if (!route.upstream) return out;
  return out + "upstream timeouts: connect " + time(route.upstream->config.timeout.connect) +
         ", response " + time(route.response_timeout) + ", body " + time(route.body_timeout) + "\n";
}

std::string call_text(const Rehearsed& seen) {
  using proxy::GrpcForm;
  if (seen.grpc == GrpcForm::none) return {};
  std::string out = seen.grpc == GrpcForm::grpc ? "gRPC: refused by trailers only"
                    : seen.grpc == GrpcForm::web ? "gRPC-Web: becomes gRPC, refused by trailers in the head"
                                                 : "gRPC-Web in base64: becomes gRPC, refused by trailers in the head";
  out += " (status 200 with grpc-status), ";
  return out + (seen.deadline ? "deadline " + config::print_duration(*seen.deadline) + " from its arrival\n" : "no deadline\n");
}

/// What a request of that kind needs HTTP/2 for, and finds none.
std::string lack_text(const ExplainOptions& options, const Rehearsed& seen, const server::ListenerSettings& settings) {
  bool call = seen.grpc == proxy::GrpcForm::grpc;
  std::string out;
  if ((call || options.method == "CONNECT") && !settings.protocols.h2) {
    out += "note: no client can ask so here, the listener speaks no HTTP/2: protocols = [\"h1\", \"";
    out += settings.tls ? "h2\"]\n" : "h2c\"]\n";
  }
  const snapshot::UpstreamPart* upstream = seen.route ? seen.route->upstream.get() : nullptr;
  if (call && upstream != nullptr && upstream->config.protocol == upstream::Protocol::h1) {
    out += "note: HTTP/1.1, which [upstream." + upstream->name + "] speaks, carries no gRPC: protocol = \"";
    out += upstream->tls ? "h2\"\n" : "h2c\"\n";
  }
  return out;
}

std::string upstream_text(const snapshot::UpstreamPart& part, const snapshot::Config& config) {
  std::string out = "upstream " + part.name + ": ";
  const auto& servers = snapshot::find_section(config.upstream, part.name)->value.servers;
  for (const auto& server : servers) {
    out += (&server == servers.data() ? "" : ", ") + server.address.value.to_string();
  }
  return out + (part.tls ? " over TLS\n" : "\n");
}

std::string report(const Rehearsed& seen, const snapshot::Config& config, const snapshot::ListenerPart& listener,
                   const server::ClientFacts& client) {
  std::string out = listener_text(listener, client) + seen.match;
  if (seen.refused) out += "refused: " + std::string(seen.refused->code) + "\n";
  out += call_text(seen);
  if (seen.route) {
    out += policies_text(*seen.route);
    if (!seen.rule.empty()) out += "decided by: " + seen.rule + "\n";
    const auto& own = seen.route->security;
    const http::DefaultFields* security = own ? own.get() : listener.settings->security.get();
    if (security && !security->describe().empty())
      out += std::string("security headers (the ") + (own ? "route" : "listener") + "'s): " + security->describe() + "\n";
    out += limits_text(*seen.route, *listener.settings);
    if (seen.route->upstream) out += upstream_text(*seen.route->upstream, config);
  }
  if (!seen.upstream_request.empty())
    return out + "\nupstream request:\n" + indented(seen.upstream_request);
  if (!seen.response.empty()) return out + "\nresponse:\n" + indented(seen.response) + "\n";
  return out + "\nnothing is sent yet: a policy waits for its answer\n";
}

}  // namespace

int run_explain(const ExplainOptions& options) {
  snapshot::LoadedConfig loaded = snapshot::load_config(options.file);
  std::fputs(loaded.issues_text().c_str(), stderr);
  if (loaded.has_errors()) return 1;
  snapshot::conceal_credentials(loaded.config);
  observe::Registry registry(1);
  auto snapshot = snapshot::build(std::move(loaded.config), nullptr, registry);
  if (!snapshot) {
    for (const std::string& fault : snapshot.error()) complain(fault);
    return 1;
  }
  std::optional<Url> url = parse_url(options.url);
  if (!url) return complain(options.url + ": a port is 1 to 65535");
  const snapshot::ListenerPart* listener = choose_listener(**snapshot, options.listen, *url);
  if (listener == nullptr) return complain("no [listen." + options.listen + "]");
  std::optional<IpAddress> from = IpAddress::parse(options.from);
  if (!from) return complain("--from " + options.from + ": no IP address");
  server::ClientFacts client;
  client.ip = *from;
  client.listener = listener->settings.get();
  client.tls = url->absolute ? url->tls : listener->settings->tls != nullptr;
  if (const auto& ips = listener->settings->ips; ips && !ips->refusal(client.ip, 0).empty()) {
    std::printf("%sthe listener closes the connection at once: %s\n", listener_text(*listener, client).c_str(),
                std::string(ips->refusal(client.ip, 0)).c_str());
    return 1;
  }
  Rehearsed seen = rehearse(*snapshot, registry, client, request_text(options, *url));
  std::string text = options.listen.empty() ? mismatch_text(*listener->settings, *url) : "";
  text += lack_text(options, seen, *listener->settings);
  text += report(seen, (*snapshot)->config, *listener, client);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return seen.refused || (seen.upstream_request.empty() && seen.response.empty()) ? 1 : 0;
}

}  // namespace sluice::cli

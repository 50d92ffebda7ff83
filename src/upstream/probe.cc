#include "upstream/probe.h"

#include <utility>

#include "http/rules.h"
#include "upstream/grpc_health.h"

namespace sluice::upstream {

std::string probe_host(const UpstreamConfig& upstream, const ProbeTarget& target) {
  if (!upstream.health->host.empty()) return upstream.health->host;
  if (target.address.is_unix() && target.server_name.empty()) return "localhost";
  bool is_ip6 = target.server_name.find(':') != std::string::npos;
  std::string name = is_ip6 ? '[' + target.server_name + ']' : target.server_name;
  uint16_t usual = target.tls ? 443 : 80;
  bool named = upstream.tls && !upstream.tls->sni.empty();
  if (target.address.is_unix() || named || target.address.port() == usual) return name;
  return name + ':' + std::to_string(target.address.port());
}

namespace {

constexpr size_t kAnswerBytesMax = 64 * 1024;   // what says "I am well" is short; bounds what all probes hold

FetchRequest request_for(const UpstreamConfig& upstream, const ProbeTarget& target) {
  const HealthConfig& health = *upstream.health;
  FetchRequest request;
  request.url.scheme = target.tls ? http::Scheme::https : http::Scheme::http;
  request.url.authority = probe_host(upstream, target);
  std::string_view path = health.path.text;
  size_t mark = path.find('?');
  request.url.has_query = mark != path.npos;
  request.url.path = path.substr(0, mark);
  if (request.url.has_query) request.url.query = path.substr(mark + 1);
  request.address = target.address;
  request.server_name = target.server_name;
  request.deadline = health.timeout;
  request.bytes_max = kAnswerBytesMax;
  if (upstream.protocol != Protocol::h1) request.version = http::Version::h2;
  if (health.type != HealthType::grpc) return request;
  request.method = http::Method::post;
  request.url.path = kGrpcHealthPath;
  request.headers = {{"Content-Type", std::string(http::kGrpcType)}};
  request.body = grpc_health_request(health.service);
  request.wanted = {"grpc-status"};
  return request;
}

}  // namespace

HttpProbe::HttpProbe(const FetchParts& parts, const UpstreamConfig& upstream, ProbeTarget target)
    : health_(*upstream.health), target_(std::move(target)), request_(request_for(upstream, target_)), fetch_(parts) {}

void HttpProbe::start(Probe::Waiter& waiter) {
  waiter_ = &waiter;
  FetchRequest request = request_;
  if (target_.tls) request.tls = target_.tls->current();
  fetch_.start(std::move(request), *this);
}

void HttpProbe::on_fetched(Result<FetchResponse, std::string> result) {
  waiter_->on_probed(result ? judge(*result) : result.error());
}

std::string HttpProbe::judge(const FetchResponse& response) const {
  if (health_.type == HealthType::grpc) return judge_grpc(response);
  return health_.expects(response.status) ? std::string() : "status " + std::to_string(response.status);
}

std::string HttpProbe::judge_grpc(const FetchResponse& response) const {
  if (response.status != 200) return "status " + std::to_string(response.status);
  if (response.fields.empty()) return "no grpc-status";
  // UNIMPLEMENTED, or a service that nobody has registered (NOT_FOUND), is no good sign either.
  if (const std::string& status = response.fields.back().second; status != "0") return "grpc-status " + status.substr(0, 8);
  std::optional<ServingStatus> status = read_grpc_health(response.body);
  if (!status) return "no HealthCheckResponse";
  return *status == ServingStatus::serving ? std::string() : std::string(serving_status_name(*status));
}

}  // namespace sluice::upstream

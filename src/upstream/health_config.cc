#include "upstream/health_config.h"

#include <algorithm>

#include "base/text.h"

namespace sluice::upstream {

using config::field;
using config::Field;
using config::IssueKind;

namespace {

constexpr IssueKind kOtherType{"health_key_of_another_type"};
constexpr IssueKind kHost{"health_host"};
constexpr IssueKind kService{"health_service"};
constexpr IssueKind kNoStatus{"health_without_status"};

constexpr int64_t kMillisecond = 1'000'000;
constexpr int64_t kHour = 3'600'000 * kMillisecond;
constexpr size_t kPathBytesMax = 1024;      // what no server refuses
constexpr size_t kServiceBytesMax = 255;    // names of services are short

constexpr Field kFields[] = {
    field<&HealthConfig::type>({.name = "type",
                                .about = "How a server is asked: \"http\", a GET; \"grpc\", grpc.health.v1.Health/Check; \"websocket\", handshake, "
                                         "ping and pong.",
                                .reason = "what most services have"}),
    field<&HealthConfig::path>({.name = "path",
                                .about = "What is asked for; `health = \"/healthz\"` says the same.",
                                .reason = "every server has it",
                                .example = "\"/healthz\""}),
    field<&HealthConfig::expect>({.name = "expect",
                                  .about = "Statuses of a server that is well, each a status or a range.",
                                  .reason = "no error; as HAProxy and nginx",
                                  .example = "[\"200-299\", \"401\"]",
                                  .instead_of = "status statuses status_code expected_status match"}),
    field<&HealthConfig::service>({.name = "service",
                                   .about = "Of type grpc: the service that is asked about; empty: the server as a whole.",
                                   .example = "\"shop.Orders\""}),
    field<&HealthConfig::host>({.name = "host",
                                .about = "The Host of the check, with a port if need be; otherwise tls.sni, or the server's "
                                         "name and port.",
                                .example = "\"orders.internal\""}),
    field<&HealthConfig::port>({.name = "port",
                                .about = "Another port of the servers to ask; otherwise the one that requests go to.",
                                .example = "9000",
                                .range = {1, 65'535}}),
    field<&HealthConfig::every>({.name = "every",
                                 .about = "From one check of a server to the next, a tenth more or less.",
                                 .reason = "a dead server is out within 18 seconds, and checks cost next to nothing",
                                 .example = "\"5s\"",
                                 .range = {10 * kMillisecond, kHour},
                                 .instead_of = "interval period inter"}),
    field<&HealthConfig::timeout>({.name = "timeout",
                                   .about = "From connecting to the whole answer; later is a failure.",
                                   .reason = "a server that needs longer for this is not well",
                                   .range = {10 * kMillisecond, kHour}}),
    field<&HealthConfig::rise>({.name = "rise",
                                .about = "Checks in a row that a server that is down must pass to be up.",
                                .reason = "one good answer may be luck",
                                .range = {1, 1'000}}),
    field<&HealthConfig::fall>({.name = "fall",
                                .about = "Checks in a row that a server that is up must fail to be down.",
                                .reason = "one lost packet is no outage",
                                .range = {1, 1'000}}),
};

void refuse_key(const config::Value& table, config::Reader& reader, std::string_view key, std::string_view type) {
  const config::Entry* entry = table.find(key);
  if (entry == nullptr) return;
  reader.issues().add(kOtherType, entry->at,
                      '"' + std::string(key) + "\" has no meaning for checks of type \"" + std::string(type) + '"');
}

}  // namespace

std::span<const Field> config_fields(const HealthConfig*) { return kFields; }

Result<StatusRange, config::TextError> StatusRange::parse(std::string_view text) {
  size_t dash = text.find('-');
  std::optional<uint64_t> first = parse_decimal(text.substr(0, dash));
  std::optional<uint64_t> last = dash == text.npos ? first : parse_decimal(text.substr(dash + 1));
  if (!first || *first < 100 || *first > 599) return config::TextError{"a status is a number from 100 to 599", 0};
  size_t second = dash == text.npos ? 0 : dash + 1;
  if (!last || *last < 100 || *last > 599) return config::TextError{"a status is a number from 100 to 599", second};
  if (*last < *first) return config::TextError{"a range begins with its lower end", second};
  return StatusRange{static_cast<uint16_t>(*first), static_cast<uint16_t>(*last)};
}

void config_check(const HealthConfig& health, const config::Value& table, config::Reader& reader) {
  std::string_view type = config::Choices<HealthType>::names[static_cast<size_t>(health.type)];
  if (health.type != HealthType::http) refuse_key(table, reader, "expect", type);
  if (health.type != HealthType::grpc) refuse_key(table, reader, "service", type);
  if (health.type == HealthType::grpc) refuse_key(table, reader, "path", type);
  if (health.expect.empty()) {
    reader.issues().add(kNoStatus, table.find("expect")->value.at, "no server can be well: expect names no status");
  }
  bool good = std::all_of(health.host.begin(), health.host.end(), [](char c) {
    return is_alpha(c) || is_digit(c) || std::string_view("-_.:[]").find(c) != std::string_view::npos;
  });
  if (!good) {
    reader.issues().add(kHost, table.find("host")->value.at,
                        config::quoted(health.host) + " is no host; it is a name or address, and perhaps :port");
  }
  bool named = std::all_of(health.service.begin(), health.service.end(), [](char c) {
    return is_alpha(c) || is_digit(c) || std::string_view("-_./").find(c) != std::string_view::npos;
  });
  if (named && health.service.size() <= kServiceBytesMax) return;
  reader.issues().add(kService, table.find("service")->value.at,
                      config::quoted(health.service) + " is no name of a service, such as \"shop.Orders\"");
}

}  // namespace sluice::upstream

namespace sluice::config {

Result<upstream::HealthPath, TextError> TextForm<upstream::HealthPath>::parse(std::string_view text) {
  if (!text.starts_with('/')) return TextError{"a path begins with /", 0};
  auto bad = std::find_if(text.begin(), text.end(), [](char c) { return c <= ' ' || c >= 0x7f || c == '#'; });
  if (bad != text.end()) {
    return TextError{"spaces, # and what is not ASCII stand in a path %-encoded", static_cast<size_t>(bad - text.begin())};
  }
  if (text.size() > upstream::kPathBytesMax) return TextError{"a path of over 1024 bytes", upstream::kPathBytesMax};
  return upstream::HealthPath{std::string(text)};
}

}  // namespace sluice::config

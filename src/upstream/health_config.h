// health = { ... } of [upstream.NAME]: how its servers are asked whether they are well, and how often.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "config/types.h"

namespace sluice::upstream {

enum class HealthType : uint8_t { http, grpc, websocket };

/// What is asked for: a path, perhaps with a query.
struct HealthPath {
  std::string text = "/";
};

/// "200" or "200-399".
struct StatusRange {
  uint16_t first = 200;
  uint16_t last = 399;

  bool has(uint16_t status) const { return first <= status && status <= last; }
  static Result<StatusRange, config::TextError> parse(std::string_view text);
};

struct HealthConfig {
  HealthType type = HealthType::http;
  HealthPath path;
  std::vector<StatusRange> expect{StatusRange{}};
  std::string service;   // of grpc.health.v1; empty: the server as a whole
  std::string host;      // empty: the server's own
  std::optional<uint16_t> port;
  Duration every = std::chrono::seconds(5);
  Duration timeout = std::chrono::seconds(1);
  uint32_t rise = 2;
  uint32_t fall = 3;

  bool expects(uint16_t status) const {
    return std::any_of(expect.begin(), expect.end(), [&](const StatusRange& range) { return range.has(status); });
  }
};

std::span<const config::Field> config_fields(const HealthConfig*);
constexpr std::string_view config_bare(const HealthConfig*) { return "path"; }
void config_check(const HealthConfig& health, const config::Value& table, config::Reader& reader);

}  // namespace sluice::upstream

namespace sluice::config {

template <>
struct Choices<upstream::HealthType> {
  static constexpr std::string_view names[] = {"http", "grpc", "websocket"};
};

template <>
struct TextForm<upstream::HealthPath> {
  static constexpr std::string_view noun = "a path such as \"/healthz\"";
  static Result<upstream::HealthPath, TextError> parse(std::string_view text);
  static std::string print(const upstream::HealthPath& path) { return path.text; }
};

template <>
struct TextForm<upstream::StatusRange> {
  static constexpr std::string_view noun = "a status such as \"200\" or a range such as \"200-399\"";
  static Result<upstream::StatusRange, TextError> parse(std::string_view text) {
    return upstream::StatusRange::parse(text);
  }
  static std::string print(const upstream::StatusRange& range) {
    std::string text = std::to_string(range.first);
    return range.first == range.last ? text : text + '-' + std::to_string(range.last);
  }
};

}  // namespace sluice::config

// [route.NAME]: which requests a route takes, and how it ends. Header rules and other policies of a
// route are described where they live (policy/).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "config/template.h"
#include "http/token.h"
#include "route/router_builder.h"

namespace sluice::route {

/// What a request may turn its connection into.
enum class Upgrade : uint8_t { websocket };

struct MatchConfig {
  std::vector<HostPattern> host;  // empty: any
  config::Placed<Pattern> path;
  std::vector<http::Method> methods;  // empty: all
  config::Map<ValueMatch> headers;
  config::Map<ValueMatch> query;
  std::optional<Upgrade> upgrade;
};

struct RewriteConfig {
  std::optional<config::Placed<config::PathTemplate>> path;
  std::string host;  // empty: the client's
};

struct RedirectConfig {
  config::Placed<config::Template> to;
  uint16_t status = 308;
};

struct RespondConfig {
  uint16_t status = 200;
  std::string body;
  config::Map<std::string> headers;
};

/// What is not set is the upstream's.
struct RouteTimeout {
  std::optional<Duration> response;
  std::optional<Duration> body;
};

/// What is not set is the listener's.
struct RouteLimits {
  std::optional<config::Bytes> body;
};

/// What becomes of a socket when the credential that opened it is good no more.
enum class OnExpiry : uint8_t { close, keep };

/// What becomes of permessage-deflate where messages are looked at.
enum class Compression : uint8_t { refuse, pass };

/// Which text messages a client may send: by a member of the JSON object that each of them is.
struct MessageTypes {
  std::string field;
  std::vector<std::string> allow;
};
/// Where message_types holds each message whole.
inline constexpr config::Bytes kHeldMessageMax = config::mebibytes(16);

struct WebSocketConfig {
  Duration idle = std::chrono::minutes(10);
  OnExpiry on_expiry = OnExpiry::close;
  std::optional<config::Bytes> max_message;
  std::optional<config::Placed<config::Rate>> rate;
  std::optional<Duration> ping;
  std::optional<MessageTypes> message_types;
  std::optional<Compression> compression;

  /// Frames are read, not only followed.
  bool message_aware() const { return max_message || rate || ping || message_types || compression; }
  /// Where they are read.
  bool deflate_passes() const { return compression == Compression::pass; }
};

struct RouteConfig {
  MatchConfig match;
  uint32_t priority = 0;
  config::Reference<"upstream"> upstream;
  std::optional<RedirectConfig> redirect;
  std::optional<RespondConfig> respond;
  RewriteConfig rewrite;
  RouteTimeout timeout;
  RouteLimits limits;
  std::optional<WebSocketConfig> websocket;
  bool grpc_web = false;
};

std::span<const config::Field> config_fields(const MatchConfig*);
std::span<const config::Field> config_fields(const RewriteConfig*);
std::span<const config::Field> config_fields(const RedirectConfig*);
std::span<const config::Field> config_fields(const RespondConfig*);
std::span<const config::Field> config_fields(const RouteTimeout*);
std::span<const config::Field> config_fields(const RouteLimits*);
std::span<const config::Field> config_fields(const MessageTypes*);
std::span<const config::Field> config_fields(const WebSocketConfig*);
void config_check(const MatchConfig& match, const config::Value& table, config::Reader& reader);
void config_check(const RewriteConfig& rewrite, const config::Value& table, config::Reader& reader);
void config_check(const RedirectConfig& redirect, const config::Value& table,
                  config::Reader& reader);
void config_check(const RespondConfig& respond, const config::Value& table, config::Reader& reader);
void config_check(const WebSocketConfig& websocket, const config::Value& table, config::Reader& reader);

/// What the router is built from.
RouteMatch compile(const RouteConfig& config);

}  // namespace sluice::route

namespace sluice::config {

template <>
struct Choices<route::Upgrade> {
  static constexpr std::string_view names[] = {"websocket"};
};
template <>
struct Choices<route::OnExpiry> {
  static constexpr std::string_view names[] = {"close", "keep"};
};

template <>
struct Choices<route::Compression> {
  static constexpr std::string_view names[] = {"refuse", "pass"};
};

template <>
struct TextForm<route::Pattern> {
  static constexpr std::string_view noun =
      "a path pattern such as \"/users/{id}\" or \"/static/**\"";
  static Result<route::Pattern, TextError> parse(std::string_view text);
  static std::string print(const route::Pattern& pattern) { return pattern.text(); }
};

template <>
struct TextForm<route::HostPattern> {
  static constexpr std::string_view noun =
      "a host such as \"api.example.com\" or \"*.example.com\"";
  static Result<route::HostPattern, TextError> parse(std::string_view text);
  static std::string print(const route::HostPattern& pattern) { return pattern.to_string(); }
};

template <>
struct TextForm<route::ValueMatch> {
  static constexpr std::string_view noun = "a value such as \"abc\", \"abc*\" or \"*\"";
  static Result<route::ValueMatch, TextError> parse(std::string_view text);
  static std::string print(const route::ValueMatch& match);
};

template <>
struct TextForm<http::Method> {
  static constexpr std::string_view noun = "a method such as \"GET\"";
  static Result<http::Method, TextError> parse(std::string_view text);
  static std::string print(const http::Method& method) {
    return std::string(http::method_name(method));
  }
};

}  // namespace sluice::config

// [limit.NAME]: how much of something one key may have; and what a route says about the limits that it names.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "config/template.h"
#include "config/types.h"
#include "policy/limit/rule.h"

namespace sluice::policy {

enum class LimitAlgorithm : uint8_t { gcra, sliding, quota };
enum class LimitCount : uint8_t { requests, failures };

/// What holds while the store does not answer.
enum class StoreDown : uint8_t { local, open, closed };

struct LimitConfig {
  std::vector<config::Placed<config::Fact>> key;
  std::optional<config::Placed<config::Rate>> rate;
  std::optional<uint32_t> burst;          // none: the rate's count
  LimitAlgorithm algorithm = LimitAlgorithm::gcra;
  std::optional<uint32_t> concurrency;    // in place of a rate
  LimitCount count = LimitCount::requests;
  uint32_t ipv6_prefix = 64;
  config::Reference<"redis"> store{"memory", {}};
  bool exact = false;
  StoreDown on_store_down = StoreDown::local;
  uint32_t nodes = 1;
  bool shadow = false;
  bool headers = true;

  /// needs: checked
  LimitRule rule() const;
  /// What one gateway lets through by itself while the store is away.
  LimitRule local_rule() const;
  bool in_redis() const { return store.name != "memory"; }
};

/// One element of a route's `limit`.
struct RouteLimit {
  config::Reference<"limit"> name;
  uint32_t cost = 1;
  bool is_default = false;   // only for who has no limits of his own
};

std::span<const config::Field> config_fields(const LimitConfig*);
std::span<const config::Field> config_fields(const RouteLimit*);
constexpr std::string_view config_bare(const RouteLimit*) { return "name"; }
void config_check(const LimitConfig& limit, const config::Value& table, config::Reader& reader);

/// Of one route, and of one consumer: beyond any real one, bounds the work for a request.
inline constexpr size_t kRouteLimitsMax = 16;

}  // namespace sluice::policy

namespace sluice::config {

template <>
struct Choices<policy::LimitAlgorithm> {
  static constexpr std::string_view names[] = {"gcra", "sliding", "quota"};
};
template <>
struct Choices<policy::StoreDown> {
  static constexpr std::string_view names[] = {"local", "open", "closed"};
};
template <>
struct Choices<policy::LimitCount> {
  static constexpr std::string_view names[] = {"requests", "failures"};
};

}  // namespace sluice::config

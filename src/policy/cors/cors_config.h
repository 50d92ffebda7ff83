// [cors.NAME]: which pages of other origins may read a route's answers.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "policy/cors/origin.h"
#include "policy/method_name.h"

namespace sluice::policy {

struct CorsConfig {
  std::vector<config::Placed<OriginPattern>> origins;
  std::vector<MethodName> methods;   // empty: the route's
  std::vector<std::string> headers = {"Authorization", "Content-Type"};
  std::vector<std::string> expose;
  bool credentials = false;
  Duration max_age = std::chrono::minutes(10);
  bool private_network = false;
};

std::span<const config::Field> config_fields(const CorsConfig*);
void config_check(const CorsConfig& cors, const config::Value& table, config::Reader& reader);

}  // namespace sluice::policy

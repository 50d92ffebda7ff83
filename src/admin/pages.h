// What the admin listener shows. Nothing here names a person or holds a secret.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "control/keeper.h"
#include "http/message.h"
#include "http/problem.h"

namespace sluice::admin {

struct Page {
  uint16_t status = 200;
  std::string_view content_type = "text/plain; charset=utf-8";
  std::string body;
};

/// Answers a GET or HEAD. gives: 404 for other paths, 405 for other methods
Page make_page(const http::Head& request, const control::Keeper& keeper);

/// The form in which every refusal of the gateway is said.
Page problem_page(const http::Problem& problem, const http::Head& request);

/// The metrics page (Prometheus text).
std::string metrics_page(const control::Keeper& keeper);

}  // namespace sluice::admin

// What the admin listener shows. Nothing here names a person or holds a secret.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "control/keeper.h"
#include "http/message.h"

namespace sluice::admin {

struct Page {
  uint16_t status = 200;
  std::string_view content_type = "text/plain; charset=utf-8";
  std::string body;
};

/// Answers a GET or HEAD. gives: 404 for other paths, 405 for other methods
Page make_page(const http::Head& request, const control::Keeper& keeper);

/// The metrics page (Prometheus text).
std::string metrics_page(const control::Keeper& keeper);

}  // namespace sluice::admin

// What the page of /metrics and /status say about health checks of upstreams.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "observe/text_page.h"

namespace sluice::observe {

struct HealthFacts {
  struct Endpoint {
    std::string upstream;
    std::string endpoint;      // its address
    bool up = true;
    uint64_t passed = 0;       // checks, since the start
    uint64_t failed = 0;
    double last_seconds = 0;   // how long the last one took
    std::string failure;       // of the last one; empty: it passed, or there was none
  };
  std::vector<Endpoint> endpoints;

  /// Servers of an upstream that share an address, under two names, are one endpoint: up when both are.
  /// needs: those of an upstream come one after the other
  void add(const Endpoint& one);
};

void write_health(const HealthFacts& facts, TextPage& page);

}  // namespace sluice::observe

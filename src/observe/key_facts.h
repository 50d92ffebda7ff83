// What the page of /metrics says about token keys that are fetched.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::observe {

struct KeyFacts {
  struct Issuer {
    std::string auth;            // of [auth.NAME]
    uint64_t fetched = 0;        // fetches since the start
    uint64_t failed = 0;
    size_t keys = 0;             // in force
    double fetched_at = 0;       // last success, in seconds since 1970; 0: none yet
  };
  std::vector<Issuer> issuers;
};

}  // namespace sluice::observe

// What the page of /metrics says about certificate files.
#pragma once

#include <cstdint>
#include <ctime>
#include <string>
#include <vector>

namespace sluice::observe {

struct CertificateFacts {
  /// One file that ends some day, as [tls.NAME] or an upstream uses it.
  struct Expiry {
    std::string tls;    // "tls.site", "upstream.orders"
    std::string file;
    std::time_t at = 0;
  };
  /// How its files fared since the start.
  struct Table {
    std::string tls;
    uint64_t replaced = 0;
    uint64_t refused = 0;
  };
  std::vector<Expiry> expiries;
  std::vector<Table> tables;
};

}  // namespace sluice::observe

// What is in flight: requests under way and sockets that are open, for an operator who asks for them or wants some ended.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ip.h"

namespace sluice::proxy {

/// Which of them, and what about them. An empty text means any.
struct InFlightQuery {
  std::string route;
  std::string subject;
  std::string consumer;
  std::string credential;   // its id
  std::string request_id;
  size_t rows_max = 0;      // of those found so many are told one by one; the others are counted
  bool close = false;       // end all that are found

  bool selects() const {
    return !(route.empty() && subject.empty() && consumer.empty() && credential.empty() && request_id.empty());
  }
};

/// One of them. Nothing of it is a secret, but it names people.
struct InFlightRow {
  bool socket = false;   // a WebSocket; otherwise a request
  std::string request_id, route, upstream, endpoint, listener, method, authority, path;
  std::string subject, consumer, credential, authenticator;   // of who asked, where that is known
  IpAddress client;
  WallTime began{};
  Duration age{};
  uint64_t request_bytes = 0;    // of bodies, of frames
  uint64_t response_bytes = 0;
};

struct InFlightSum {
  uint64_t requests = 0;
  uint64_t sockets = 0;
  uint64_t request_bytes = 0;
  uint64_t response_bytes = 0;
  Duration oldest{};
};

struct InFlightReport {
  uint64_t found = 0;
  std::vector<InFlightRow> rows;
  std::map<std::string, InFlightSum, std::less<>> routes;   // of what was found; "": no route yet, or none

  /// Takes in another worker's.
  void add(InFlightReport&& other, size_t rows_max);
};

}  // namespace sluice::proxy

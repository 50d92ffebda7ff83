// When to stop asking a Redis that does not answer, and when to try again. Pure: time is passed in.
// Closed until kMissesMax failures in a row; then open, for a time that doubles with each opening; then half
// open: one failure more opens it again, one answer closes it.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.h"
#include "base/hash.h"

namespace sluice::redis {

/// Timeouts and errors of an unwell Redis without an answer between them.
inline constexpr uint32_t kMissesMax = 5;
inline constexpr Duration kBackoffMin = std::chrono::milliseconds(100);
inline constexpr Duration kBackoffMax = std::chrono::seconds(5);

class Circuit {
 public:
  void answered() { misses_ = openings_ = 0; }
  /// gives: whether it opens now
  bool missed() { return ++misses_ >= (openings_ > 0 ? 1 : kMissesMax); }
  /// Opens it. gives: how long to stay away: half of it is fixed, half is chance, so that workers and
  /// gateways do not come back at the same moment
  Duration open(Random& random) {
    misses_ = 0;
    Duration most = std::min(kBackoffMax, kBackoffMin * (int64_t{1} << std::min(openings_, 6U)));
    ++openings_;
    return most / 2 + Duration(random.below(static_cast<uint64_t>(most.count() / 2)));
  }
  bool half_open() const { return openings_ > 0; }
  /// Another Redis stands in its place.
  void reset() { misses_ = openings_ = 0; }

 private:
  uint32_t misses_ = 0;     // since the last answer
  uint32_t openings_ = 0;   // since the last answer
};

}  // namespace sluice::redis

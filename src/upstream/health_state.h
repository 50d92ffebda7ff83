// Whether one server is up, by what its checks said. A server that nobody has checked yet is up, and the first check
// alone decides; from then on a change needs several in a row.
// Source: HAProxy, whose servers begin one failure away from being down.
#pragma once

#include <cstdint>

namespace sluice::upstream {

class HealthState {
 public:
  bool is_up() const { return up_; }
  /// A check has ended. `rise`, `fall`: how many against the present state change it; at least 1.
  /// gives: whether is_up() has changed
  bool note(bool passed, uint32_t rise, uint32_t fall) {
    uint32_t needed = up_ ? (proven_ ? fall : 1) : rise;
    proven_ = true;
    against_ = passed == up_ ? 0 : against_ + 1;
    if (against_ < needed) return false;
    up_ = !up_;
    against_ = 0;
    return true;
  }

 private:
  bool up_ = true;
  bool proven_ = false;     // some check has ended
  uint32_t against_ = 0;    // checks in a row that speak against the present state
};

}  // namespace sluice::upstream

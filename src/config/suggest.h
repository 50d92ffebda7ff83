// "Did you mean": the nearest known name to a mistyped one.
#pragma once

#include <string>
#include <string_view>

#include "base/text.h"

namespace sluice::config {

inline constexpr size_t kTypoDistanceMax = 2;

/// Collects candidates one by one and keeps the nearest within kTypoDistanceMax.
class Nearest {
 public:
  explicit Nearest(std::string_view name) : name_(name) {}

  void offer(std::string_view candidate) {
    size_t distance = edit_distance(name_, candidate, kTypoDistanceMax);
    if (distance >= best_distance_ || distance >= name_.size()) return;
    best_ = candidate;
    best_distance_ = distance;
  }
  /// gives: the nearest, or empty
  std::string_view best() const { return best_; }
  /// gives: `did you mean "x"?`, or empty
  std::string hint() const {
    return best_.empty() ? "" : "did you mean \"" + std::string(best_) + "\"?";
  }

 private:
  std::string_view name_;
  std::string_view best_;
  size_t best_distance_ = kTypoDistanceMax + 1;
};

}  // namespace sluice::config

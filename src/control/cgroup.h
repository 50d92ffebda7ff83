// What the control groups of this process let it use, version 2 or 1. Every level from its own group up to the root
// counts; in a container its own group may be shown as the root.
#pragma once

#include <cstdint>
#include <string>

namespace sluice::control {

class Cgroups {
 public:
  /// `root`: the folder that holds proc and sys
  explicit Cgroups(std::string root = "") : root_(std::move(root)) {}

  /// gives: bytes; UINT64_MAX without a limit
  uint64_t memory() const;
  /// gives: cores' worth of time, such as 1.5; infinity without a quota
  double cores() const;

 private:
  /// The path of this process's group in the hierarchy of a controller of version 1; "" is version 2.
  std::string path_of(std::string_view controller) const;

  std::string root_;
};

}  // namespace sluice::control

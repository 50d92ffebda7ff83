// Any number of ranges of addresses as one table of sorted intervals, in which a look-up is a binary search: a million
// ranges of IPv4 are 8 MiB, of IPv6 32 MiB, and cost 20 steps. Const once finished.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/ip.h"

namespace sluice {

class IpRanges {
 public:
  /// needs: finish() not called yet
  void add(const Cidr& range);
  /// Sorts; ranges that overlap or touch become one.
  void finish();

  /// needs: finish() called since the last add()
  /// cost: a binary search among the intervals of the address's family
  bool contains(const IpAddress& address) const;
  /// Intervals, once finished.
  size_t size() const { return v4_.size() + v6_.size(); }
  bool empty() const { return size() == 0; }

 private:
  template <class Number>
  struct Interval {
    Number first;
    Number last;   // it too
  };
  using Wide = unsigned __int128;

  template <class Number>
  static void merge(std::vector<Interval<Number>>& intervals);
  template <class Number>
  static bool covers(const std::vector<Interval<Number>>& intervals, Number number);

  std::vector<Interval<uint32_t>> v4_;
  std::vector<Interval<Wide>> v6_;
};

}  // namespace sluice

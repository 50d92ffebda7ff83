#include "base/ip_ranges.h"

#include <algorithm>
#include <limits>

namespace sluice {
namespace {

template <class Number>
Number number_of(const IpAddress& address) {
  Number number = 0;
  for (size_t i = 0; i < sizeof(Number); ++i) number = static_cast<Number>(number << 8 | address.bytes()[i]);
  return number;
}

/// The bits behind a prefix, all set.
template <class Number>
Number mask_behind(unsigned prefix) {
  constexpr unsigned kBits = sizeof(Number) * 8;
  return prefix == 0 ? static_cast<Number>(~Number{0}) : static_cast<Number>((Number{1} << (kBits - prefix)) - 1);
}

}  // namespace

void IpRanges::add(const Cidr& range) {
  const IpAddress& base = range.base();
  if (base.is_v4()) {
    auto first = number_of<uint32_t>(base);
    v4_.push_back({first, first | mask_behind<uint32_t>(range.prefix())});
  } else if (base.is_v6()) {
    auto first = number_of<Wide>(base);
    v6_.push_back({first, first | mask_behind<Wide>(range.prefix())});
  }
}

template <class Number>
void IpRanges::merge(std::vector<Interval<Number>>& intervals) {
  std::ranges::sort(intervals, {}, &Interval<Number>::first);
  size_t kept = 0;
  for (const Interval<Number>& next : intervals) {
    // Nothing follows the last address there is, so one more than `last` does not begin anew at zero.
    bool joins = kept > 0 && (intervals[kept - 1].last == static_cast<Number>(~Number{0}) ||
                              next.first <= intervals[kept - 1].last + 1);
    if (joins) {
      intervals[kept - 1].last = std::max(intervals[kept - 1].last, next.last);
    } else {
      intervals[kept++] = next;
    }
  }
  intervals.resize(kept);
  intervals.shrink_to_fit();
}

void IpRanges::finish() {
  merge(v4_);
  merge(v6_);
}

template <class Number>
bool IpRanges::covers(const std::vector<Interval<Number>>& intervals, Number number) {
  auto behind = std::ranges::upper_bound(intervals, number, {}, &Interval<Number>::first);
  return behind != intervals.begin() && number <= std::prev(behind)->last;
}

bool IpRanges::contains(const IpAddress& address) const {
  if (address.is_v4()) return covers(v4_, number_of<uint32_t>(address));
  return address.is_v6() && covers(v6_, number_of<Wide>(address));
}

}  // namespace sluice

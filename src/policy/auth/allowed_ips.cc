#include "policy/auth/allowed_ips.h"

#include <algorithm>

#include "base/check.h"

namespace sluice::policy {

bool AllowedIps::allow(const IpAddress& from, unsigned worker) const {
  if (ranges.empty() && lists.empty()) return true;
  return std::ranges::any_of(ranges, [&](const Cidr& range) { return range.contains(from); }) ||
         std::ranges::any_of(lists, [&](const auto& list) { return list->contains(from, worker); });
}

AllowedIps make_allowed_ips(const IpSources& sources, const IpLists& lists) {
  AllowedIps out;
  for (const auto& source : sources) {
    if (source.value.list.empty()) {
      out.ranges.push_back(source.value.range);
      continue;
    }
    auto found = lists.find(source.value.list);
    CHECK(found != lists.end());   // without it the credentials would count from anywhere
    out.lists.push_back(found->second);
  }
  return out;
}

}  // namespace sluice::policy

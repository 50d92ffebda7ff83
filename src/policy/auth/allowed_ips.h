// Where somebody's credentials count from. Const, shared by all workers; a list within may be replaced while it is in use.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/ip.h"
#include "base/ip_filter.h"
#include "policy/ip_filter/ip_filter_config.h"

namespace sluice::policy {

/// [ip_list.NAME]s by their names.
using IpLists = std::map<std::string, std::shared_ptr<const IpList>, std::less<>>;

/// Ranges and lists, of which any one is enough; without either everybody is. A list that is empty lets nobody in.
struct AllowedIps {
  std::vector<Cidr> ranges;
  std::vector<std::shared_ptr<const IpList>> lists;

  /// `from`: one that is not known (of a unix socket) is in no range and on no list
  /// cost: linear in the ranges, for the handful that a consumer has; a binary search a list
  bool allow(const IpAddress& from, unsigned worker) const;
  auto operator<=>(const AllowedIps&) const = default;   // of lists: whether they are the same ones
};

/// needs: `lists` has every name in `sources` (load_config checked it)
AllowedIps make_allowed_ips(const IpSources& sources, const IpLists& lists);

}  // namespace sluice::policy

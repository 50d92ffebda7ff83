// Who may come, by address: lists that are denied, and lists beside which nobody is allowed. Const, shared by all
// workers; a list may be replaced while it is in use.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ip_ranges.h"
#include "base/live.h"
#include "base/per_worker.h"

namespace sluice {

/// Addresses that several filters share.
class IpList {
 public:
  /// `name`: what logs call it
  IpList(std::string name, std::shared_ptr<const IpRanges> first) : name_(std::move(name)), live_(std::move(first)) {}

  const std::string& name() const { return name_; }
  /// cost: an atomic load and a binary search
  bool contains(const IpAddress& address, unsigned worker) const {
    return views_.of(worker).get(live_).contains(address);
  }
  /// Any thread.
  void replace(std::shared_ptr<const IpRanges> next) { live_.replace(std::move(next)); }
  std::shared_ptr<const IpRanges> current() const { return live_.current(); }

 private:
  std::string name_;
  Live<IpRanges> live_;
  PerWorker<LiveView<IpRanges>> views_;
};

/// Ranges and lists, of which any one is enough.
struct IpUnion {
  IpRanges ranges;
  std::vector<std::shared_ptr<const IpList>> lists;
  std::string text;   // for describe()

  bool empty() const { return ranges.empty() && lists.empty(); }
};

class IpFilter {
 public:
  /// `allow`: empty: everybody who is not denied
  IpFilter(IpUnion deny, IpUnion allow) : deny_(std::move(deny)), allow_(std::move(allow)) {}

  /// An address that is not known (of a unix socket) is on no list.
  /// gives: the name of what refuses it (a list's, "deny_ips" or "allow_ips"), or nothing; a denial counts first
  std::string_view refusal(const IpAddress& address, unsigned worker) const {
    if (deny_.ranges.contains(address)) return "deny_ips";
    for (const auto& list : deny_.lists) {
      if (list->contains(address, worker)) return list->name();
    }
    if (allow_.empty() || allow_.ranges.contains(address)) return {};
    for (const auto& list : allow_.lists) {
      if (list->contains(address, worker)) return {};
    }
    return "allow_ips";
  }
  std::string describe() const {
    std::string out = deny_.empty() ? "" : "deny " + deny_.text;
    if (!allow_.empty()) out += (out.empty() ? "allow " : "; allow ") + allow_.text;
    return out;
  }

 private:
  IpUnion deny_;
  IpUnion allow_;
};

}  // namespace sluice

// `allow_ips` and `deny_ips` of a route: judges the client's address, as trusted proxies vouch for it, before anything
// else is spent on the request. Those of a listener: server/acceptor.h.
#pragma once

#include <string>
#include <utility>

#include "base/ip_filter.h"
#include "policy/policy.h"

namespace sluice::policy {

inline constexpr http::Problem kAddressDenied{403, "address_denied", "Forbidden",
                                              "Requests from this address are not accepted here."};
inline constexpr const http::Problem* kIpProblems[] = {&kAddressDenied};

class IpPolicy final : public Policy {
 public:
  explicit IpPolicy(IpFilter filter) : filter_(std::move(filter)) {}

  std::string_view name() const override { return "ips"; }
  std::string describe() const override { return filter_.describe(); }
  Wants wants() const override { return {.request = true}; }
  Verdict on_request(Call& call) const override {
    std::string_view refusal = filter_.refusal(call.client().ip, call.worker());
    if (refusal.empty()) return Verdict::pass();
    call.findings().rule = refusal;
    return Verdict::refuse(kAddressDenied);
  }

 private:
  IpFilter filter_;
};

}  // namespace sluice::policy

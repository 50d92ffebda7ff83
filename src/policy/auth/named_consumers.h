// The consumers that a claim of a token may name.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "policy/auth/allowed_ips.h"
#include "policy/identity.h"

namespace sluice::policy {

class NamedConsumers {
 public:
  /// `allowed`: where its tokens count from
  void add(const std::string& name, const std::vector<std::string>& groups, AllowedIps allowed = {});
  /// What a token says is only a name until there is a consumer of that name: without one it goes. The identity gets
  /// the consumer's groups, which live as long as this.
  /// gives: false when the consumer's tokens do not count from this client
  [[nodiscard]] bool resolve(Identity& identity, const IpAddress& client, unsigned worker) const;

 private:
  struct Consumer {
    std::vector<std::string> groups;
    std::vector<std::string_view> views;   // of groups
    AllowedIps allowed;
  };
  // Shared by copies: the views are of its texts.
  std::map<std::string, std::shared_ptr<const Consumer>, std::less<>> consumers_;
};

}  // namespace sluice::policy

#include "policy/auth/named_consumers.h"

#include <utility>

namespace sluice::policy {

void NamedConsumers::add(const std::string& name, const std::vector<std::string>& groups, AllowedIps allowed) {
  auto own = std::make_shared<Consumer>();
  own->groups = groups;
  own->views.assign(own->groups.begin(), own->groups.end());
  own->allowed = std::move(allowed);
  consumers_[name] = std::move(own);
}

bool NamedConsumers::resolve(Identity& identity, const IpAddress& client, unsigned worker) const {
  if (identity.consumer.empty()) return true;
  auto found = consumers_.find(identity.consumer);
  if (found == consumers_.end()) {
    identity.consumer = {};
    return true;
  }
  const Consumer& consumer = *found->second;
  identity.groups = consumer.views;
  return consumer.allowed.allow(client, worker);
}

}  // namespace sluice::policy

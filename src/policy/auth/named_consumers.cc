#include "policy/auth/named_consumers.h"

#include <utility>

namespace sluice::policy {

void NamedConsumers::add(const std::string& name, const std::vector<std::string>& groups) {
  auto own = std::make_shared<Groups>();
  own->texts = groups;
  own->views.assign(own->texts.begin(), own->texts.end());
  groups_[name] = std::move(own);
}

void NamedConsumers::resolve(Identity& identity) const {
  if (identity.consumer.empty()) return;
  auto found = groups_.find(identity.consumer);
  if (found == groups_.end()) {
    identity.consumer = {};
    return;
  }
  identity.groups = found->second->views;
}

}  // namespace sluice::policy

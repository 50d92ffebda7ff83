// The consumers that a claim of a token may name.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "policy/identity.h"

namespace sluice::policy {

class NamedConsumers {
 public:
  void add(const std::string& name, const std::vector<std::string>& groups);
  /// What a token says is only a name until there is a consumer of that name: without one it goes. The identity gets
  /// the consumer's groups, which live as long as this.
  void resolve(Identity& identity) const;

 private:
  struct Groups {
    std::vector<std::string> texts;
    std::vector<std::string_view> views;
  };
  // Shared by copies: the views are of its texts.
  std::map<std::string, std::shared_ptr<const Groups>, std::less<>> groups_;
};

}  // namespace sluice::policy

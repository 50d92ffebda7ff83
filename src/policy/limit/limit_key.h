// Whose count a request belongs to: from the values of a limit's facts to a LimitKey.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/template.h"
#include "crypto/digest.h"
#include "policy/limit/shared_limit_table.h"
#include "policy/policy.h"

namespace sluice::policy {

/// The facts of one limit. Two limits never share a count: name and scope are part of the hash's own key, and every value
/// has its length before it (requirement C9).
class LimitKeyMaker {
 public:
  /// `scope`: what else makes counts of the same name different ones, such as the rate
  LimitKeyMaker(Hash128 seed, std::string_view name, std::string_view scope, std::vector<config::Fact> facts,
                unsigned ipv6_prefix);

  /// A request without one of the facts is counted by its client's address in that fact's place: nobody gets round a
  /// limit by leaving something out, and nobody is counted with strangers. cost: a hash of the values
  LimitKey make(const Call& call) const;
  /// The same for a store that others use too: a SHA-256, which nobody can make collide. cost: some microseconds
  std::string shared_name(const Call& call) const;
  /// Known only after authentication.
  bool needs_identity() const;
  /// The facts as they are written.
  std::string describe() const;

 private:
  struct Value;
  std::string_view bytes_of(const Call& call) const;
  Value value_of(const config::Fact& fact, const Call& call) const;
  void put_address(const Call& call, Value& value) const;

  Hash128 key_;
  std::string name_;
  std::string scope_;          // everything that is not the request's
  std::vector<config::Fact> facts_;
  unsigned ipv6_prefix_;
  crypto::Digest sha256_{crypto::Hash::sha256};
};

}  // namespace sluice::policy

// An Identity with everything that it views in one piece of memory, so that it can be kept in a
// cache and copied into a request's arena at the cost of a memcpy.
#pragma once

#include <cstddef>
#include <memory>

#include "base/arena.h"
#include "policy/identity.h"

namespace sluice::policy {

class IdentityBlock {
 public:
  IdentityBlock() = default;
  /// Copies all but `method` and `authenticator`, which live as long as the configuration.
  explicit IdentityBlock(const Identity& source);
  IdentityBlock(IdentityBlock&&) noexcept = default;
  IdentityBlock& operator=(IdentityBlock&&) noexcept = default;

  const Identity& identity() const { return identity_; }
  /// gives: the same for a request; nothing in it views this block
  Identity* copy_to(Arena& arena) const;
  size_t bytes() const { return size_; }

 private:
  std::unique_ptr<char[]> memory_;
  size_t size_ = 0;
  Identity identity_;
};

}  // namespace sluice::policy

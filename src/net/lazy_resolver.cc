#include "net/lazy_resolver.h"

#include "base/log.h"

namespace sluice::net {

Resolver* LazyResolver::get() {
  if (resolver_) return resolver_.get();
  auto made = Resolver::make(*loop_, {});
  if (made) {
    resolver_ = *std::move(made);
  } else {   // addresses still work
    LOG(error, "a worker cannot resolve names", kv("error", made.error().what));
  }
  return resolver_.get();
}

}  // namespace sluice::net

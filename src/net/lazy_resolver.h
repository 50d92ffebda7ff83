// A loop's resolver, made when somebody first asks for one: most workers never resolve a name.
#pragma once

#include <memory>

#include "net/resolver.h"

namespace sluice::net {

class LazyResolver {
 public:
  explicit LazyResolver(Loop& loop) : loop_(&loop) {}
  LazyResolver(const LazyResolver&) = delete;

  /// gives: null, and a line in the log, when c-ares does not start
  Resolver* get();
  /// Queries that are still active never get an answer.
  void stop() { resolver_.reset(); }

 private:
  Loop* loop_;
  std::unique_ptr<Resolver> resolver_;
};

}  // namespace sluice::net

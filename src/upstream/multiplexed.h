// An upstream that speaks HTTP/2: the requests of a worker share few connections. What is told apart by endpoints, and
// what is kept, is as in pool.h; here is how many streams a connection carries, and who waits for one.
#pragma once

#include "http/h2_limits.h"
#include "upstream/pool.h"

namespace sluice::upstream {

class MultiplexedUpstream final : public PooledUpstream {
 public:
  MultiplexedUpstream(const PoolParts& parts, PoolSettings settings);
  ~MultiplexedUpstream() override;

  http::Stream* open(Endpoint& endpoint, Reuse reuse, Opening& opening) override;
  void cancel(Opening& opening) override;
  bool is_shared() const override { return true; }

 private:
  class SharedLink;

  PoolLink* make_link(Site& site) override;
  void destroy_link(PoolLink& link) override;
  SharedLink* find_room(Site& site);
  SharedLink* find_connecting(Site& site);

  http::H2Limits h2_limits_;
  Slab<SharedLink> shared_;
};

}  // namespace sluice::upstream

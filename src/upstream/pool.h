// One worker's connections to one upstream: keep-alive, last in first out, by endpoint. Outlives snapshots that
// do not change it; its endpoints come and go with DNS.
#pragma once

#include <memory>
#include <vector>

#include "base/hash.h"
#include "base/list.h"
#include "base/shared_count.h"
#include "base/slab.h"
#include "http/h1_codec.h"
#include "net/shared_tls.h"
#include "net/tls.h"
#include "observe/metrics.h"
#include "upstream/endpoint_list.h"
#include "upstream/picker.h"
#include "upstream/upstream.h"
#include "upstream/upstream_config.h"
#include "wire/connection.h"

namespace sluice::upstream {

struct PoolSettings {
  std::string name;
  UpstreamConfig config;
  std::shared_ptr<const net::SharedClientTls> tls;    // null: plain
  uint32_t metrics_id = 0;
  uint32_t workers = 1;                               // keep.max holds for the process: each has its share
  std::shared_ptr<SharedCount> in_flight;             // of the process; null without max_in_flight
};

/// What a worker lends its pools.
struct PoolParts {
  Loop& loop;
  net::TlsIo& tls_io;
  observe::Shard& shard;
  Random& random;
};

/// A request that cannot be repeated takes a pooled connection only when it was used this recently.
inline constexpr Duration kRecent = std::chrono::seconds(1);
/// An endpoint that could not be connected to is asked again after this.
inline constexpr Duration kSetAside = std::chrono::seconds(2);

class PooledUpstream : public Upstream {
 public:
  PooledUpstream(const PoolParts& parts, PoolSettings settings);
  ~PooledUpstream() override;

  Endpoint* pick(const Tried& tried) override;
  Endpoint* move(Endpoint& from, const Tried& tried) override;
  http::Stream* open(Endpoint& endpoint, Reuse reuse, Opening& opening) override;
  void cancel(Opening& opening) override;
  void release(Endpoint& endpoint, Outcome outcome) override;
  Lack lack() const override { return lack_; }

  /// Takes over a new list: endpoints that stay keep their connections and counts. The list is held for as long
  /// as anything is counted under its metric ids.
  void set_endpoints(const std::shared_ptr<const EndpointList>& list);
  /// Closes what is idle; the rest closes when its request ends.
  void drain();
  /// Keeps connections again: a snapshot names the upstream anew before the old one was gone.
  void serve() { draining_ = false; }
  /// Closes everything (worker shutdown; no exchange is left).
  void abort();
  size_t connections() const { return links_; }

 protected:
  class Site;         // one endpoint
  class PoolLink;     // one connection

  virtual PoolLink* make_link(Site& site);
  virtual void destroy_link(PoolLink& link);
  void set_aside(Site& site);
  void set_down(Site& site, bool down);
  Lack what_lacks() const;
  /// gives: an endpoint's index, or Picker::kNobody
  uint32_t choose(const Tried& tried, TimePoint at);
  Endpoint& count_at(uint32_t index);
  void leave(Site& site, Outcome outcome);
  void remove_retired();
  PoolLink* take_idle(Site& site, Reuse reuse);
  void leave_idle(PoolLink& link);
  void connect(Site& site, Opening& opening);
  void on_idle(PoolLink& link);
  void on_link_gone(PoolLink& link);
  uint32_t tls_generation() const { return settings_.tls ? settings_.tls->generation() : 0; }
  size_t link_bytes() const { return net::kSocketBytes + (settings_.tls ? net::kTlsBytes : 0); }
  TimePoint now() const { return parts_.loop.clock().now(); }
  observe::UpstreamMetrics& metrics() { return parts_.shard.upstream(settings_.metrics_id); }

  PoolParts parts_;
  PoolSettings settings_;
  wire::Timeouts timeouts_;
  http::H1Limits limits_;
  std::unique_ptr<Picker> picker_;
  std::vector<EndpointState> states_;              // by index of sites_
  std::vector<std::unique_ptr<Site>> sites_;
  std::vector<std::unique_ptr<Site>> retired_;     // no longer listed, still in use
  Slab<PoolLink> slab_;
  uint32_t keep_max_;
  size_t links_ = 0;                               // of all sites, retired ones too
  uint32_t idle_count_ = 0;                        // of all sites
  Lack lack_ = Lack::none;
  bool unresolved_ = true;
  bool draining_ = false;
};

}  // namespace sluice::upstream

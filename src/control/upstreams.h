// The keeper's side of all upstreams: endpoint lists kept fresh by Discovery, who of them health checks found down, and
// the counts of requests in flight. All outlive a snapshot that does not change them.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/shared_count.h"
#include "net/tls_io.h"
#include "snapshot/snapshot.h"
#include "upstream/discovery.h"
#include "upstream/health_check.h"

namespace sluice::control {

class Upstreams final : private upstream::Discovery::Publisher, private upstream::HealthCheck::Owner {
 public:
  class Owner {
   public:
    /// New endpoints of an upstream in force, by its place in the snapshot in force.
    virtual void on_endpoints(uint32_t upstream, std::shared_ptr<const upstream::EndpointList> list) = 0;
   protected:
    ~Owner() = default;
  };

  struct Parts {
    Loop& loop;
    Mailbox& mailbox;   // outlives this
    net::Resolver& resolver;
    observe::Registry& registry;
  };
  Upstreams(const Parts& parts, Owner& owner, uint64_t random_seed);

  /// Looks after the upstreams of `next` too; those that are unchanged go on as they are.
  void prepare(const snapshot::Snapshot& next);
  /// Every name has been asked once.
  bool settled() const { return discovery_.settled(); }
  /// What was prepared is in force: what only the snapshot before had is forgotten. `next`: the one of prepare()
  void commit(const snapshot::Snapshot& next);
  void abandon();

  // Of what is in force, by its upstreams.
  /// gives: null when nothing is in force yet
  std::shared_ptr<const upstream::EndpointList> current(size_t upstream) const {
    return upstream < current_.size() ? judged(upstream) : nullptr;
  }
  observe::HealthFacts health() const;
  std::vector<std::shared_ptr<const upstream::EndpointList>> endpoints() const;
  std::vector<std::shared_ptr<SharedCount>> in_flight() const;

  /// Gives back the metric ids of endpoints that no worker uses any more.
  void sweep() { discovery_.sweep(); }

 private:
  struct Entry {
    std::string name;
    std::string servers;                        // as text: who is resolved, and under which name
    uint32_t watch = 0;
    std::shared_ptr<const upstream::EndpointList> list;
    std::shared_ptr<SharedCount> in_flight;     // of the name; null without a limit
  };
  using Entries = std::vector<std::shared_ptr<Entry>>;
  using Checks = std::vector<std::unique_ptr<upstream::HealthCheck>>;

  void publish_endpoints(uint32_t watch, std::shared_ptr<const upstream::EndpointList> list) override;
  void on_health_changed(const upstream::HealthCheck& check) override;
  std::shared_ptr<const upstream::EndpointList> judged(size_t upstream) const;
  void renew_checks(const snapshot::Snapshot& next);
  std::unique_ptr<upstream::HealthCheck> check_for(const snapshot::UpstreamPart& part,
                                                   const upstream::EndpointList& servers, Checks& before);
  void forget_unused(Entries& entries, const Entries& kept);

  Owner* owner_;
  Parts parts_;
  net::TlsIo tls_io_;
  upstream::WebSocketProbing websockets_;
  Random random_;
  upstream::ProbeCount probes_;
  upstream::Discovery discovery_;
  std::map<uint32_t, std::weak_ptr<Entry>> by_watch_;
  Entries current_;   // by Snapshot::upstreams of the one in force
  Entries next_;      // of the one prepared
  Checks checks_;     // as current_; null: none are asked for
  uint32_t watches_ = 0;
};

}  // namespace sluice::control

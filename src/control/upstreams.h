// The keeper's side of all upstreams: endpoint lists kept fresh by Discovery, and the counts of requests in flight.
// Both outlive a snapshot that does not change them.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/shared_count.h"
#include "snapshot/snapshot.h"
#include "upstream/discovery.h"

namespace sluice::control {

class Upstreams final : private upstream::Discovery::Publisher {
 public:
  class Owner {
   public:
    /// New endpoints of an upstream in force, by its place in the snapshot in force.
    virtual void on_endpoints(uint32_t upstream, std::shared_ptr<const upstream::EndpointList> list) = 0;
   protected:
    ~Owner() = default;
  };

  Upstreams(Loop& loop, net::Resolver& resolver, observe::Registry& registry, Owner& owner)
      : owner_(&owner), discovery_(loop, resolver, registry, *this) {}

  /// Looks after the upstreams of `next` too; those that are unchanged go on as they are.
  void prepare(const snapshot::Snapshot& next);
  /// Every name has been asked once.
  bool settled() const { return discovery_.settled(); }
  /// What was prepared is in force: what only the snapshot before had is forgotten.
  void commit();
  void abandon();

  /// Of what is in force, by its upstreams. gives: null when nothing is in force yet
  std::shared_ptr<const upstream::EndpointList> current(size_t upstream) const {
    return upstream < current_.size() ? current_[upstream]->list : nullptr;
  }

  // Of what was prepared, by its upstreams.
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

  void publish_endpoints(uint32_t watch, std::shared_ptr<const upstream::EndpointList> list) override;
  void forget_unused(Entries& entries, const Entries& kept);

  Owner* owner_;
  upstream::Discovery discovery_;
  std::map<uint32_t, std::weak_ptr<Entry>> by_watch_;
  Entries current_;   // by Snapshot::upstreams of the one in force
  Entries next_;      // of the one prepared
  uint32_t watches_ = 0;
};

}  // namespace sluice::control

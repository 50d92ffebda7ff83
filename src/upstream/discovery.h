// Keeps the endpoint lists of all upstreams: addresses as they are, names resolved and refreshed with their TTL.
// Lives on the keeper's loop; the lists go to the workers through the Publisher.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "loop/loop.h"
#include "net/resolver.h"
#include "observe/registry.h"
#include "upstream/endpoint_list.h"
#include "upstream/upstream_config.h"

namespace sluice::upstream {

/// Names are asked again after their TTL, but not more often and not more rarely than this.
inline constexpr Duration kRefreshMin = std::chrono::seconds(1);
inline constexpr Duration kRefreshMax = std::chrono::minutes(5);
inline constexpr Duration kRefreshHosts = std::chrono::seconds(30);    // /etc/hosts has no TTL
inline constexpr Duration kRefreshFailed = std::chrono::seconds(5);    // old addresses stay until then and after

class Discovery {
 public:
  class Publisher {
   public:
    virtual void publish_endpoints(uint32_t watch, std::shared_ptr<const EndpointList> list) = 0;
   protected:
    ~Publisher() = default;
  };

  Discovery(Loop& loop, net::Resolver& resolver, observe::Registry& registry, Publisher& publisher);
  Discovery(const Discovery&) = delete;
  ~Discovery();

  /// Starts looking after an upstream; `watch` names it to the publisher. The first list (addresses only,
  /// names missing) is published inside the call.
  void watch(uint32_t watch, const std::string& name, const UpstreamConfig& config);
  /// Looks after it no more.
  void forget(uint32_t watch);
  /// Every name has been asked once, with success or not.
  bool settled() const;
  /// Gives back the metric ids of lists that nobody holds any more.
  void sweep();

 private:
  class Watched;
  class Name;

  /// A list and the metric ids that its users count under: in use until the last of them has let go.
  struct Published {
    std::shared_ptr<const EndpointList> list;
    std::vector<uint32_t> ids;
  };
  void give_back(const Published& published);

  Loop* loop_;
  net::Resolver* resolver_;
  observe::Registry* registry_;
  Publisher* publisher_;
  std::vector<std::unique_ptr<Watched>> watched_;
  std::vector<Published> old_;
};

}  // namespace sluice::upstream

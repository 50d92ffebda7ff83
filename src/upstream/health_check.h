// Whether the servers of one upstream are up, by asking each of them again and again. Lives on the keeper's loop, once for
// the process; what it finds goes to the workers as a list of endpoints that says who is down.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/hash.h"
#include "loop/loop.h"
#include "net/resolver.h"
#include "net/tls_io.h"
#include "observe/health_facts.h"
#include "upstream/endpoint_list.h"
#include "upstream/probe.h"
#include "upstream/probe_websocket.h"

namespace sluice::upstream {

/// What the keeper lends.
struct HealthParts {
  FetchParts fetch;
  WebSocketProbing& websockets;
  Random& random;
  ProbeCount& under_way;
};

/// One upstream that has checks.
struct HealthSettings {
  std::string name;
  uint64_t fingerprint = 0;   // of the whole table
  UpstreamConfig config;
  std::shared_ptr<const net::SharedClientTls> tls;   // null: plain
};

class HealthCheck {
 public:
  class Owner {
   public:
    /// A server of it is up or down that was not. Never inside a call.
    virtual void on_health_changed(const HealthCheck& check) = 0;

   protected:
    ~Owner() = default;
  };

  /// A server is asked first within this, the servers one after the other.
  static constexpr Duration kFirstWithin = std::chrono::seconds(1);

  HealthCheck(const HealthParts& parts, HealthSettings settings, Owner& owner);
  HealthCheck(const HealthCheck&) = delete;
  ~HealthCheck();

  const HealthSettings& settings() const { return settings_; }
  /// These are asked from now on, and no others. Those that stay go on as they are.
  void set_servers(const EndpointList& list);
  /// The servers of another one that are asked here too keep their state and counts. needs: it is about to go
  void take_over(const HealthCheck& before);
  /// gives: the same servers, and who of them is down
  std::shared_ptr<const EndpointList> judge(std::shared_ptr<const EndpointList> list) const;
  void add_facts(observe::HealthFacts& facts) const;

 private:
  class Server;

  const Server* find(const EndpointTarget& target) const;

  HealthParts parts_;
  HealthSettings settings_;
  Owner* owner_;
  std::vector<std::unique_ptr<Server>> servers_;
};

}  // namespace sluice::upstream

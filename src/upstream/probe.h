// One server, asked whether it is well, again and again: a connection of its own for each check, within one deadline.
// Keeps no count and judges nobody: that is health_check.h.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "net/address.h"
#include "net/shared_tls.h"
#include "upstream/fetch.h"
#include "upstream/upstream_config.h"

namespace sluice::upstream {

/// Whom a probe asks.
struct ProbeTarget {
  net::SocketAddress address;
  std::string server_name;                              // for TLS
  std::shared_ptr<const net::SharedClientTls> tls;      // null: plain
};

/// How many checks of the process are under way.
struct ProbeCount {
  static constexpr size_t kMax = 256;   // descriptors; at 1 s of patience for dead servers still 256 a second
  size_t value = 0;
};

class Probe {
 public:
  class Waiter {
   public:
    /// Once for each start(), never inside it. `failure`: empty when the server is well; else a few words for the log
    virtual void on_probed(std::string failure) = 0;

   protected:
    ~Waiter() = default;
  };

  virtual ~Probe() = default;
  /// needs: no check is under way
  virtual void start(Waiter& waiter) = 0;
};

/// What a check of `target` says in Host: the name that a server would be asked under, and its port.
/// needs: `upstream` has checks
std::string probe_host(const UpstreamConfig& upstream, const ProbeTarget& target);

/// By a GET, or a call of grpc.health.v1.Health/Check.
class HttpProbe final : public Probe, private Fetch::Waiter {
 public:
  /// `upstream` is copied; it has checks
  HttpProbe(const FetchParts& parts, const UpstreamConfig& upstream, ProbeTarget target);
  void start(Probe::Waiter& waiter) override;

 private:
  void on_fetched(Result<FetchResponse, std::string> result) override;
  std::string judge(const FetchResponse& response) const;
  std::string judge_grpc(const FetchResponse& response) const;

  HealthConfig health_;
  ProbeTarget target_;
  FetchRequest request_;
  Fetch fetch_;
  Probe::Waiter* waiter_ = nullptr;
};

}  // namespace sluice::upstream

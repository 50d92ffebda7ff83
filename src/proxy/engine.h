// What the exchanges of one worker share, and what makes them. No sockets: tests and `explain` give it a fake
// clock, fake streams and fake upstreams.
#pragma once

#include <memory>
#include <string>

#include "base/arena.h"
#include "base/chain.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/slab.h"
#include "http/date.h"
#include "loop/task.h"
#include "loop/timer.h"
#include "net/pipe.h"
#include "observe/access_log.h"
#include "observe/audit_log.h"
#include "observe/metrics.h"
#include "policy/policy.h"
#include "policy/resume.h"
#include "server/client_connection.h"
#include "snapshot/lease.h"

namespace sluice::proxy {

class Exchange;
class Tunnels;
struct InFlightQuery;
struct InFlightReport;

/// The Date field's text, made once a second.
class DateCache {
 public:
  std::string_view text(WallTime now, Arena& arena) {
    auto second = std::chrono::floor<std::chrono::seconds>(now);
    if (second != second_) {
      second_ = second;
      http::write_date(text_, now);
    }
    return arena.copy({text_, http::kDateBytes});
  }

 private:
  std::chrono::time_point<std::chrono::system_clock, std::chrono::seconds> second_{};
  char text_[http::kDateBytes] = {};
};

class Engine final : public server::Handler {
 public:
  struct Parts {
    Scheduler& scheduler;
    TimerWheel& timers;
    const Clock& clock;
    BlockPool& blocks;
    Random& random;
    observe::Shard& shard;
    net::SharedPipes* pipes = nullptr;   // null: bodies are always read and written
    unsigned worker = 0;                 // which one this is
    const policy::Reach* reach = nullptr;   // null: policies ask nobody
  };

  explicit Engine(const Parts& parts);
  Engine(const Engine&) = delete;
  ~Engine();

  /// New exchanges use this lease; the old one is the caller's to free when its count falls to zero.
  void publish(snapshot::Lease& lease);
  /// Adds to `report` what the query asks for; ends that, if the query says so (proxy/in_flight.h).
  /// cost: looks at all there is, some 100 ns each
  void look(const InFlightQuery& query, InFlightReport& report);
  /// Closes what lives longer than a request, spread over that time.
  void drain(Duration over);
  void set_access_log(observe::AccessLog* log) { access_log_ = log; }
  void set_audit_log(observe::AuditLog* log) { audit_log_ = log; }
  /// For `explain`: the name of the rule that decided is put there when an exchange ends.
  void tell_rule(std::string& out) { rule_told_ = &out; }

  http::StreamEvents& accept(http::Stream& stream, const server::ClientFacts& client) override;
  size_t exchanges() const { return exchanges_.live(); }

  const Parts& parts() const { return parts_; }
  observe::AccessLog* access_log() const { return access_log_; }
  observe::AuditLog* audit_log() const { return audit_log_; }
  size_t tunnels() const;
  policy::ResumeDesk& desk() { return desk_; }
  snapshot::Lease& lease() const { return *lease_; }

 private:
  friend class Exchange;

  Parts parts_;
  observe::AccessLog* access_log_ = nullptr;
  observe::AuditLog* audit_log_ = nullptr;
  std::string* rule_told_ = nullptr;
  snapshot::Lease* lease_ = nullptr;
  policy::ResumeDesk desk_;
  DateCache date_;
  Slab<Exchange> exchanges_;
  std::unique_ptr<Tunnels> tunnels_;
};

}  // namespace sluice::proxy

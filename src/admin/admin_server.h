// The admin listeners (/metrics, /status, /healthz, /readyz), on the keeper's loop, so that a scrape never costs a worker
// anything: one over TCP that only shows, and the control socket, which may also change things.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "admin/pages.h"
#include "control/keeper.h"
#include "control/reload.h"
#include "net/tls_io.h"
#include "server/acceptor.h"

namespace sluice::admin {

class AdminServer final : public control::Participant {
 public:
  /// Admin work is rare and local: these bound what strangers can hold open, at each of the two doors.
  static constexpr uint64_t kConnectionsMax = 100;

  explicit AdminServer(control::Keeper& keeper);
  AdminServer(const AdminServer&) = delete;
  ~AdminServer();

  // control::Participant
  Result<void, std::vector<std::string>> prepare(const snapshot::Snapshot& next) override;
  void abandon() override;
  void commit(control::Worker::Publication& publication) override;
  void sweep() override;

 private:
  class Door;
  /// What is bound for one of the two addresses, now and in the configuration that is to come.
  struct Place {
    std::unique_ptr<Door> open;
    std::unique_ptr<Door> next;
    bool keep = false;   // the next configuration has the same address
  };

  void prepare_place(Place& place, const net::SocketAddress* address, Rights rights,
                     std::vector<std::string>& faults);
  void commit_place(Place& place);

  control::Keeper* keeper_;
  net::TlsIo tls_io_;
  CidrSet no_proxies_;
  Place looking_;
  Place control_;
  std::vector<std::unique_ptr<Door>> leaving_;   // no longer listening, until their connections have ended
};

}  // namespace sluice::admin

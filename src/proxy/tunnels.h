// The tunnels of one worker, by route: what a tunnel needs of its route is kept once for all of them, and outlives the
// snapshot that it came with.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "base/slab.h"
#include "proxy/credential_watch.h"
#include "proxy/engine.h"
#include "proxy/tunnel.h"
#include "snapshot/snapshot.h"

namespace sluice::proxy {

class Tunnels;

/// The tunnels of one route part.
struct TunnelGroup {
  Tunnels* home = nullptr;
  std::shared_ptr<const snapshot::RoutePart> route;
  upstream::Upstream* upstream = nullptr;   // valid while a tunnel holds an endpoint there
  Duration idle{};
  std::unique_ptr<MessageRules> rules;      // null: frames are only followed
  size_t count = 0;
  List<Tunnel, class TunnelTag> tunnels;
};

/// So often it is looked whether credentials have been taken back: with the time that their files take, within a second.
inline constexpr Duration kRevocationLook = std::chrono::milliseconds(250);

class Tunnels final : private Timer::Owner {
 public:
  explicit Tunnels(Engine& engine);
  Tunnels(const Tunnels&) = delete;
  ~Tunnels();

  void open(std::shared_ptr<const snapshot::RoutePart> route, upstream::Upstream& upstream, TunnelParts parts);
  /// Closes those whose route is not in that snapshot as it was.
  void publish(const snapshot::Snapshot& snapshot);
  /// Closes all of them, spread evenly over that time, and those that are opened from now on at once.
  void drain(Duration over);
  size_t live() const { return slab_.live() + message_slab_.live(); }
  /// Calls visit(Tunnel&) on every one; visit may make and end none.
  template <class Visit>
  void each(Visit visit) {
    for (auto& [part, group] : groups_) group.tunnels.each(visit);
  }

  // For Tunnel.
  const Engine::Parts& parts() const { return engine_->parts(); }
  void count(const TunnelGroup& group, Side from, size_t bytes);
  void write_logs(const observe::AccessRecord& record, const observe::AuditRecord& audit);
  void remove(TunnelGroup& group, Tunnel& tunnel, observe::TunnelEnd why);

 private:
  /// An authenticator that takes credentials back, and how far that has been looked at.
  struct Looked {
    std::shared_ptr<const snapshot::AuthPart> part;
    uint32_t generation = 0;
  };
  void on_timer(Timer&) override;
  uint32_t& looked_at(const std::shared_ptr<const snapshot::AuthPart>& part);
  void watch(Tunnel& tunnel, const policy::Identity& identity);
  bool was_revoked(const policy::Identity& identity) const;
  void close_revoked(const policy::Authenticator& authenticator);

  Engine* engine_;
  CredentialWatch watch_;
  std::vector<Looked> looked_;
  Timer timer_;
  std::map<const snapshot::RoutePart*, TunnelGroup> groups_;
  Slab<Tunnel> slab_;
  Slab<MessageTunnel> message_slab_;
  bool draining_ = false;
};

}  // namespace sluice::proxy

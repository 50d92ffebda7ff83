#include "proxy/tunnels.h"

#include <algorithm>

#include "base/spread.h"

namespace sluice::proxy {

using observe::TunnelEnd;

namespace {

bool serves(const snapshot::Snapshot& snapshot, const snapshot::RoutePart& route) {
  return snapshot::find_route(snapshot, route.name).get() == &route;
}

}  // namespace

Tunnels::Tunnels(Engine& engine) : engine_(&engine), watch_(engine) {
  slab_.count_in(parts().blocks.share());
  message_slab_.count_in(parts().blocks.share());
}

Tunnels::~Tunnels() = default;

void Tunnels::open(std::shared_ptr<const snapshot::RoutePart> route, upstream::Upstream& upstream, TunnelParts made) {
  const policy::Identity* identity = made.identity;
  TunnelGroup& group = groups_[route.get()];
  group.home = this;
  group.upstream = &upstream;
  group.idle = route->websocket->idle;
  if (!group.rules && route->websocket->message_aware()) group.rules = std::make_unique<MessageRules>(*route->websocket);
  group.route = std::move(route);
  Tunnel* tunnel = group.rules ? message_slab_.make(group, std::move(made)) : slab_.make(group, std::move(made));
  group.tunnels.push_back(*tunnel);
  ++group.count;
  parts().shard.route(group.route->metric.id()).tunnels.add();
  TimePoint now = parts().clock.now();
  // A reload or a drain may have come while the upstream was asked.
  if (draining_) tunnel->end_at(now, TunnelEnd::drained);
  if (!serves(*engine_->lease().snapshot, *group.route)) tunnel->end_at(now, TunnelEnd::route_changed);
  if (identity != nullptr && group.route->websocket->on_expiry == route::OnExpiry::close) {
    watch(*tunnel, *identity);
    if (was_revoked(*identity)) tunnel->end_at(now, TunnelEnd::revoked);
  }
  tunnel->start();
  if (!timer_.active()) timer_.start(parts().timers, now + kRevocationLook, *this);
}

void Tunnels::watch(Tunnel& tunnel, const policy::Identity& identity) {
  for (const policy::Identity* one = &identity; one != nullptr; one = one->beside) {
    tunnel.keep(watch_.watch(tunnel, one->authenticator, accepted_credential(*one)));
  }
}

// Before it was here to be found: while the upstream was asked, or since its ticket was issued.
bool Tunnels::was_revoked(const policy::Identity& identity) const {
  for (const policy::Identity* one = &identity; one != nullptr; one = one->beside) {
    for (const auto& part : engine_->lease().snapshot->auth) {
      if (part->name != one->authenticator || part->authenticator->revocation_generation() == 0) continue;
      if (part->authenticator->revoked(accepted_credential(*one))) return true;
    }
  }
  return false;
}

void Tunnels::publish(const snapshot::Snapshot& snapshot) {
  std::erase_if(looked_, [&](const Looked& one) {
    return std::find(snapshot.auth.begin(), snapshot.auth.end(), one.part) == snapshot.auth.end();
  });
  TimePoint now = parts().clock.now();
  for (auto& [part, group] : groups_) {
    if (serves(snapshot, *part)) continue;
    group.tunnels.each([&](Tunnel& tunnel) { tunnel.end_at(now, TunnelEnd::route_changed); });
  }
}

void Tunnels::drain(Duration over) {
  draining_ = true;
  TimePoint now = parts().clock.now();
  Duration most = over * 4 / 5;   // the last fifth is for the Close frames of the last ones
  size_t index = 0;
  each([&](Tunnel& tunnel) { tunnel.end_at(now + spread(most, index++, live()), TunnelEnd::drained); });
}

void Tunnels::on_timer(Timer&) {
  for (const auto& part : engine_->lease().snapshot->auth) {
    uint32_t generation = part->authenticator->revocation_generation();
    if (generation == 0) continue;
    if (std::exchange(looked_at(part), generation) != generation) close_revoked(*part->authenticator);
  }
  if (live() > 0) timer_.start(parts().timers, parts().clock.now() + kRevocationLook, *this);
}

uint32_t& Tunnels::looked_at(const std::shared_ptr<const snapshot::AuthPart>& part) {
  auto found = std::find_if(looked_.begin(), looked_.end(), [&](const Looked& one) { return one.part == part; });
  return found != looked_.end() ? found->generation : looked_.emplace_back(Looked{part}).generation;
}

void Tunnels::close_revoked(const policy::Authenticator& authenticator) {
  TimePoint now = parts().clock.now();
  for (auto& [part, group] : groups_) {
    if (part->websocket->on_expiry == route::OnExpiry::keep) continue;
    group.tunnels.each([&](Tunnel& tunnel) {
      tunnel.names().each_credential([&](std::string_view by, const policy::AcceptedCredential& credential) {
        if (by == authenticator.name() && authenticator.revoked(credential)) tunnel.end_at(now, TunnelEnd::revoked);
      });
    });
  }
}

void Tunnels::count(const TunnelGroup& group, Side from, size_t bytes) {
  observe::RouteMetrics& metrics = parts().shard.route(group.route->metric.id());
  (from == Side::client ? metrics.tunnel_client_bytes : metrics.tunnel_upstream_bytes).add(bytes);
}

void Tunnels::write_logs(const observe::AccessRecord& record, const observe::AuditRecord& audit) {
  if (observe::AccessLog* log = engine_->access_log()) log->write(record);
  observe::AuditLog* log = engine_->audit_log();
  if (log != nullptr && !audit.auth_method.empty()) log->write(record, audit);
}

void Tunnels::remove(TunnelGroup& group, Tunnel& tunnel, TunnelEnd why) {
  parts().shard.tunnel_ends[static_cast<size_t>(why)].add();
  parts().shard.route(group.route->metric.id()).tunnels.sub();
  if (group.rules) message_slab_.destroy(static_cast<MessageTunnel*>(&tunnel));
  else slab_.destroy(&tunnel);
  if (--group.count == 0) groups_.erase(group.route.get());
}

}  // namespace sluice::proxy

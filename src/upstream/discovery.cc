#include "upstream/discovery.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace sluice::upstream {

/// One configured server that is a name.
class Discovery::Name final : public net::Resolver::Answer, public Timer::Owner {
 public:
  Name(Watched& watched, const EndpointConfig& server, net::Resolver& resolver)
      : watched_(&watched), server_(&server), query_(resolver) {}

  void ask() { query_.start(server_->address.value.host, net::AddressFamily::any, *this); }
  void on_timer(Timer&) override { ask(); }
  void on_resolved(Result<net::Resolved> result) override;

  Watched* watched_;
  const EndpointConfig* server_;
  net::Resolver::Query query_;
  Timer timer_;
  std::vector<IpAddress> addresses_;
  bool answered_ = false;
  bool failing_ = false;
};

class Discovery::Watched {
 public:
  Watched(Discovery& discovery, uint32_t index, const std::string& name, const UpstreamConfig& config);
  ~Watched();
  void publish();

  Discovery* discovery_;
  uint32_t index_;
  std::string name_;
  UpstreamConfig config_;
  std::vector<std::unique_ptr<Name>> names_;   // by server; null for addresses
  Published published_;

 private:
  void add(EndpointList& list, const EndpointConfig& server, const net::SocketAddress& address);
  std::vector<uint32_t> ids_;   // of the list that is being made
};

Discovery::Watched::Watched(Discovery& discovery, uint32_t index, const std::string& name, const UpstreamConfig& config)
    : discovery_(&discovery), index_(index), name_(name), config_(config) {
  for (const EndpointConfig& server : config_.servers) {
    const ServerAddress& address = server.address.value;
    bool is_name = !address.is_unix() && !IpAddress::parse(address.host);
    names_.push_back(is_name ? std::make_unique<Name>(*this, server, *discovery.resolver_) : nullptr);
  }
}

Discovery::Watched::~Watched() {
  if (published_.list) discovery_->old_.push_back(std::move(published_));
}

void Discovery::Watched::add(EndpointList& list, const EndpointConfig& server, const net::SocketAddress& address) {
  EndpointTarget target;
  target.address = address;
  target.server_name = config_.tls && !config_.tls->sni.empty() ? config_.tls->sni : server.address.value.host;
  target.weight = server.weight;
  target.metrics_id = discovery_->registry_->acquire_endpoint(name_, address.to_string());
  ids_.push_back(target.metrics_id);
  list.targets.push_back(std::move(target));
}

void Discovery::Watched::publish() {
  if (published_.list) discovery_->old_.push_back(std::move(published_));
  auto list = std::make_shared<EndpointList>();
  for (size_t i = 0; i < names_.size(); ++i) {
    const EndpointConfig& server = config_.servers[i];
    const ServerAddress& address = server.address.value;
    if (address.is_unix()) {
      add(*list, server, net::SocketAddress::unix_path(address.unix_path));
    } else if (names_[i] == nullptr) {
      add(*list, server, net::SocketAddress(*IpAddress::parse(address.host), address.port));
    } else {
      if (names_[i]->addresses_.empty()) list->unresolved = true;
      for (const IpAddress& ip : names_[i]->addresses_) add(*list, server, net::SocketAddress(ip, address.port));
    }
  }
  published_ = {std::move(list), std::exchange(ids_, {})};
  discovery_->publisher_->publish_endpoints(index_, published_.list);
  discovery_->sweep();
}

void Discovery::Name::on_resolved(Result<net::Resolved> result) {
  Loop& loop = *watched_->discovery_->loop_;
  bool first = !answered_;
  answered_ = true;
  Duration again = kRefreshFailed;
  if (!result) {
    if (!failing_) {
      LOG(warn, "name not resolved", kv("upstream", watched_->name_), kv("name", server_->address.value.host),
          kv("error", result.error().what));
    }
    failing_ = true;
  } else {
    failing_ = false;
    again = result->ttl.count() == 0 ? kRefreshHosts : std::clamp<Duration>(result->ttl, kRefreshMin, kRefreshMax);
    std::sort(result->addresses.begin(), result->addresses.end(),
              [](const IpAddress& a, const IpAddress& b) { return a.bytes() < b.bytes(); });
    if (first || result->addresses != addresses_) {
      addresses_ = std::move(result->addresses);
      watched_->publish();
    }
  }
  timer_.start(loop.timers(), loop.clock().now() + again, *this);
}

Discovery::Discovery(Loop& loop, net::Resolver& resolver, observe::Registry& registry, Publisher& publisher)
    : loop_(&loop), resolver_(&resolver), registry_(&registry), publisher_(&publisher) {}

Discovery::~Discovery() {
  watched_.clear();
  for (const Published& published : old_) give_back(published);
}

void Discovery::give_back(const Published& published) {
  for (uint32_t id : published.ids) registry_->release(observe::Table::endpoint, id);
}

void Discovery::sweep() {
  std::erase_if(old_, [this](Published& published) {
    if (published.list.use_count() > 1) return false;   // it only falls: nobody else copies from here
    published.list.reset();   // after the last user's last word, in its order too
    give_back(published);
    return true;
  });
}

void Discovery::forget(uint32_t watch) {
  std::erase_if(watched_, [&](const auto& watched) { return watched->index_ == watch; });
  sweep();
}

void Discovery::watch(uint32_t watch, const std::string& name, const UpstreamConfig& config) {
  watched_.push_back(std::make_unique<Watched>(*this, watch, name, config));
  Watched& watched = *watched_.back();
  watched.publish();
  for (auto& resolved : watched.names_) {
    if (resolved) resolved->ask();
  }
}

bool Discovery::settled() const {
  return std::all_of(watched_.begin(), watched_.end(), [](const auto& watched) {
    return std::all_of(watched->names_.begin(), watched->names_.end(),
                       [](const auto& name) { return name == nullptr || name->answered_; });
  });
}

}  // namespace sluice::upstream

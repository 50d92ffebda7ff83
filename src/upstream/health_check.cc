#include "upstream/health_check.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "upstream/health_state.h"

namespace sluice::upstream {
namespace {

constexpr Duration kBusyRetry = std::chrono::milliseconds(50);   // kMax checks are under way

}  // namespace

/// One server, however often the list names it.
class HealthCheck::Server final : private Probe::Waiter, private Timer::Owner {
 public:
  Server(HealthCheck& check, const EndpointTarget& target)
      : check_(&check), address_(target.address), name_(target.server_name), probe_(make_probe()) {
    facts_.upstream = check.settings_.name;
    facts_.endpoint = address_.to_string();
  }
  ~Server() { end(); }

  bool is(const EndpointTarget& target) const { return address_ == target.address && name_ == target.server_name; }
  bool is(const Server& other) const { return address_ == other.address_ && name_ == other.name_; }
  bool is_up() const { return state_.is_up(); }
  void take_over(const Server& before) {
    state_ = before.state_;
    facts_ = before.facts_;
  }
  void wait(Duration delay) { timer_.start(loop().timers(), loop().clock().now() + delay, *this); }
  const observe::HealthFacts::Endpoint& facts() const { return facts_; }

 private:
  Loop& loop() const { return check_->parts_.fetch.loop; }
  const HealthConfig& config() const { return *check_->settings_.config.health; }
  std::unique_ptr<Probe> make_probe() const;
  void on_timer(Timer&) override;
  void on_probed(std::string failure) override;
  void log_change(const std::string& failure) const;
  void end() {
    if (std::exchange(asking_, false)) --check_->parts_.under_way.value;
  }

  HealthCheck* check_;
  net::SocketAddress address_;   // that requests go to
  std::string name_;
  std::unique_ptr<Probe> probe_;
  HealthState state_;
  observe::HealthFacts::Endpoint facts_;
  Timer timer_;
  TimePoint began_{};            // precise
  bool asking_ = false;
};

std::unique_ptr<Probe> HealthCheck::Server::make_probe() const {
  ProbeTarget target{address_, name_, check_->settings_.tls};
  if (config().port) target.address = net::SocketAddress(address_.ip(), *config().port);
  const UpstreamConfig& upstream = check_->settings_.config;
  if (config().type == HealthType::websocket) {
    return std::make_unique<WebSocketProbe>(loop(), check_->parts_.websockets, upstream, std::move(target));
  }
  return std::make_unique<HttpProbe>(check_->parts_.fetch, upstream, std::move(target));
}

void HealthCheck::Server::on_timer(Timer&) {
  if (check_->parts_.under_way.value >= ProbeCount::kMax) return wait(kBusyRetry);
  ++check_->parts_.under_way.value;
  asking_ = true;
  began_ = loop().clock().precise();
  probe_->start(*this);
}

void HealthCheck::Server::on_probed(std::string failure) {
  end();
  Duration took = loop().clock().precise() - began_;
  // A tenth more or less: servers that were asked at one time are not for ever.
  auto tenth = static_cast<uint64_t>(config().every.count() / 10);
  Duration next = config().every - Duration(tenth) + Duration(check_->parts_.random.below(2 * tenth + 1));
  wait(std::max(Duration{}, next - took));
  ++(failure.empty() ? facts_.passed : facts_.failed);
  facts_.last_seconds = std::chrono::duration<double>(took).count();
  bool changed = state_.note(failure.empty(), config().rise, config().fall);
  facts_.up = state_.is_up();
  if (changed) log_change(failure);
  facts_.failure = std::move(failure);
  if (changed) check_->owner_->on_health_changed(*check_);
}

void HealthCheck::Server::log_change(const std::string& failure) const {
  if (is_up()) {
    LOG(info, "endpoint is healthy again", kv("upstream", facts_.upstream), kv("endpoint", facts_.endpoint));
  } else {
    LOG(warn, "endpoint is unhealthy", kv("upstream", facts_.upstream), kv("endpoint", facts_.endpoint),
        kv("reason", failure));
  }
}

HealthCheck::HealthCheck(const HealthParts& parts, HealthSettings settings, Owner& owner)
    : parts_(parts), settings_(std::move(settings)), owner_(&owner) {}

HealthCheck::~HealthCheck() = default;

const HealthCheck::Server* HealthCheck::find(const EndpointTarget& target) const {
  auto found = std::find_if(servers_.begin(), servers_.end(), [&](const auto& server) { return server->is(target); });
  return found == servers_.end() ? nullptr : found->get();
}

void HealthCheck::set_servers(const EndpointList& list) {
  std::vector<std::unique_ptr<Server>> before = std::exchange(servers_, {});
  Duration within = std::min(kFirstWithin, settings_.config.health->every);
  for (const EndpointTarget& target : list.targets) {
    if (find(target) != nullptr) continue;   // named twice
    auto known = std::find_if(before.begin(), before.end(), [&](const auto& server) { return server && server->is(target); });
    if (known != before.end()) {
      servers_.push_back(std::move(*known));
      continue;
    }
    servers_.push_back(std::make_unique<Server>(*this, target));
    servers_.back()->wait(Duration(parts_.random.below(static_cast<uint64_t>(within.count()))));
  }
}

void HealthCheck::take_over(const HealthCheck& before) {
  for (const auto& server : servers_) {
    for (const auto& old : before.servers_) {
      if (server->is(*old)) server->take_over(*old);
    }
  }
}

std::shared_ptr<const EndpointList> HealthCheck::judge(std::shared_ptr<const EndpointList> list) const {
  auto judged = std::make_shared<EndpointList>(*list);
  judged->basis = std::move(list);
  size_t next = 0;   // mostly the servers are in the list's order
  for (const EndpointTarget& target : judged->targets) {
    bool there = next < servers_.size() && servers_[next]->is(target);
    const Server* server = there ? servers_[next++].get() : find(target);
    judged->down.push_back(server != nullptr && !server->is_up());
  }
  return judged;
}

void HealthCheck::add_facts(observe::HealthFacts& facts) const {
  for (const auto& server : servers_) facts.add(server->facts());
}

}  // namespace sluice::upstream

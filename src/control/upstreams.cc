#include "control/upstreams.h"

#include <algorithm>
#include <utility>

namespace sluice::control {
namespace {

std::string text_of_servers(const upstream::UpstreamConfig& config) {
  std::string text = config.tls ? config.tls->sni : "";
  for (const upstream::EndpointConfig& server : config.servers) {
    text += ' ' + server.address.value.to_string() + '*' + std::to_string(server.weight);
  }
  return text;
}

}  // namespace

Upstreams::Upstreams(const Parts& parts, Owner& owner, uint64_t random_seed)
    : owner_(&owner), parts_(parts), tls_io_(parts.loop), websockets_(parts.mailbox), random_(random_seed),
      discovery_(parts.loop, parts.resolver, parts.registry, *this) {}

void Upstreams::prepare(const snapshot::Snapshot& next) {
  next_.clear();
  for (const auto& section : next.config.upstream) {
    auto before = std::lower_bound(current_.begin(), current_.end(), section.name,
                                   [](const auto& entry, const std::string& name) { return entry->name < name; });
    bool known = before != current_.end() && (*before)->name == section.name;
    std::string servers = text_of_servers(section.value);
    bool limited = section.value.max_in_flight.has_value();
    if (known && (*before)->servers == servers && ((*before)->in_flight != nullptr) == limited) {
      next_.push_back(*before);
      continue;
    }
    auto entry = std::make_shared<Entry>();
    entry->name = section.name;
    entry->servers = std::move(servers);
    entry->watch = watches_++;
    if (limited) entry->in_flight = known && (*before)->in_flight ? (*before)->in_flight : std::make_shared<SharedCount>();
    by_watch_[entry->watch] = entry;
    next_.push_back(entry);
    discovery_.watch(entry->watch, section.name, section.value);
  }
}

void Upstreams::commit(const snapshot::Snapshot& next) {
  std::swap(current_, next_);
  forget_unused(next_, current_);
  renew_checks(next);
}

void Upstreams::renew_checks(const snapshot::Snapshot& next) {
  Checks before = std::exchange(checks_, {});
  for (size_t i = 0; i < current_.size(); ++i) {
    checks_.push_back(next.upstreams[i]->config.health ? check_for(*next.upstreams[i], *current_[i]->list, before) : nullptr);
  }
}

// The checks of an upstream that did not change go on; those of one that did know what was known.
std::unique_ptr<upstream::HealthCheck> Upstreams::check_for(const snapshot::UpstreamPart& part,
                                                            const upstream::EndpointList& servers, Checks& before) {
  upstream::HealthSettings settings{part.name, part.fingerprint, part.config, part.tls};
  auto known = std::find_if(before.begin(), before.end(),
                            [&](const auto& check) { return check && check->settings().name == part.name; });
  bool same = known != before.end() && (*known)->settings().fingerprint == part.fingerprint &&
              (*known)->settings().tls == part.tls;
  if (same) {
    (*known)->set_servers(servers);
    return std::move(*known);
  }
  upstream::HealthParts parts{{parts_.loop, parts_.resolver, tls_io_}, websockets_, random_, probes_};
  upstream::HealthCheck::Owner& owner = *this;
  auto check = std::make_unique<upstream::HealthCheck>(parts, std::move(settings), owner);
  check->set_servers(servers);
  if (known != before.end()) check->take_over(**known);
  return check;
}

std::shared_ptr<const upstream::EndpointList> Upstreams::judged(size_t upstream) const {
  const auto& list = current_[upstream]->list;
  return checks_[upstream] && list ? checks_[upstream]->judge(list) : list;
}

observe::HealthFacts Upstreams::health() const {
  observe::HealthFacts facts;
  for (const auto& check : checks_) {
    if (check) check->add_facts(facts);
  }
  return facts;
}

void Upstreams::abandon() { forget_unused(next_, current_); }

void Upstreams::forget_unused(Entries& entries, const Entries& kept) {
  for (const auto& entry : entries) {
    if (std::find(kept.begin(), kept.end(), entry) != kept.end()) continue;
    by_watch_.erase(entry->watch);
    discovery_.forget(entry->watch);
  }
  entries.clear();
}

std::vector<std::shared_ptr<const upstream::EndpointList>> Upstreams::endpoints() const {
  std::vector<std::shared_ptr<const upstream::EndpointList>> lists;
  for (size_t i = 0; i < current_.size(); ++i) lists.push_back(judged(i));
  return lists;
}

std::vector<std::shared_ptr<SharedCount>> Upstreams::in_flight() const {
  std::vector<std::shared_ptr<SharedCount>> counts;
  for (const auto& entry : current_) counts.push_back(entry->in_flight);
  return counts;
}

void Upstreams::publish_endpoints(uint32_t watch, std::shared_ptr<const upstream::EndpointList> list) {
  std::shared_ptr<Entry> entry = by_watch_.at(watch).lock();
  entry->list = std::move(list);
  auto place = std::find(current_.begin(), current_.end(), entry);
  if (place == current_.end()) return;   // prepared only: the publication will carry it
  auto upstream = static_cast<size_t>(place - current_.begin());
  if (checks_[upstream]) checks_[upstream]->set_servers(*entry->list);
  owner_->on_endpoints(static_cast<uint32_t>(upstream), judged(upstream));
}

void Upstreams::on_health_changed(const upstream::HealthCheck& check) {
  auto place = std::find_if(checks_.begin(), checks_.end(), [&](const auto& one) { return one.get() == &check; });
  auto upstream = static_cast<size_t>(place - checks_.begin());
  owner_->on_endpoints(static_cast<uint32_t>(upstream), judged(upstream));
}

}  // namespace sluice::control

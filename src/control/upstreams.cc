#include "control/upstreams.h"

#include <algorithm>

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

void Upstreams::commit() {
  std::swap(current_, next_);
  forget_unused(next_, current_);
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
  for (const auto& entry : next_) lists.push_back(entry->list);
  return lists;
}

std::vector<std::shared_ptr<SharedCount>> Upstreams::in_flight() const {
  std::vector<std::shared_ptr<SharedCount>> counts;
  for (const auto& entry : next_) counts.push_back(entry->in_flight);
  return counts;
}

void Upstreams::publish_endpoints(uint32_t watch, std::shared_ptr<const upstream::EndpointList> list) {
  std::shared_ptr<Entry> entry = by_watch_.at(watch).lock();
  entry->list = list;
  auto place = std::find(current_.begin(), current_.end(), entry);
  if (place == current_.end()) return;   // prepared only: the publication will carry it
  owner_->on_endpoints(static_cast<uint32_t>(place - current_.begin()), std::move(list));
}

}  // namespace sluice::control

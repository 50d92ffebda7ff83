#include "control/redis_clients.h"

#include <algorithm>

namespace sluice::control {

void RedisClients::serve(const snapshot::Snapshot& snapshot, unsigned workers) {
  for (const auto& part : snapshot.redis) {
    auto same = [&](const Entry& entry) { return entry.part == part; };
    if (std::any_of(clients_.begin(), clients_.end(), same)) continue;
    redis::Options options = part->instance->options();
    options.queue_max = std::max(1U, options.queue_max / std::max(1U, workers));
    redis::Parts parts{*loop_, *tls_io_, *random_, resolver_->get(), shard_->redis(part->metric.id())};
    clients_.push_back({part, std::make_unique<redis::Client>(parts, std::move(options))});
    part->instance->set_client(worker_, clients_.back().client.get());
  }
}

void RedisClients::end(Entry& entry) {
  entry.part->instance->set_client(worker_, nullptr);
  entry.client.reset();
}

void RedisClients::stop() {
  for (Entry& entry : clients_) end(entry);
  clients_.clear();
}

}  // namespace sluice::control

#include "control/redis_clients.h"

#include <algorithm>

#include "base/log.h"

namespace sluice::control {

net::Resolver* RedisClients::resolver() {
  if (resolver_) return resolver_.get();
  auto made = net::Resolver::make(*loop_, {});
  if (made) {
    resolver_ = *std::move(made);
  } else {   // addresses still work
    LOG(error, "names of redis servers cannot be resolved", kv("error", made.error().what));
  }
  return resolver_.get();
}

void RedisClients::serve(const snapshot::Snapshot& snapshot, unsigned workers) {
  for (const auto& part : snapshot.redis) {
    auto same = [&](const Entry& entry) { return entry.part == part; };
    if (std::any_of(clients_.begin(), clients_.end(), same)) continue;
    redis::Options options = part->instance->options();
    options.queue_max = std::max(1U, options.queue_max / std::max(1U, workers));
    redis::Parts parts{*loop_, *tls_io_, *random_, resolver(), shard_->redis(part->metric.id())};
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
  resolver_.reset();
}

}  // namespace sluice::control

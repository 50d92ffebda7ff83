// Audit records to a Redis stream: one XADD each, pipelined. A record whose answer did not come is added again, so that
// none is missing; whoever reads the stream tells doubles apart by their numbers.
#pragma once

#include <memory>

#include "base/store_counters.h"
#include "export/delivery.h"
#include "observe/audit_config.h"
#include "redis/client.h"

namespace sluice::exporting {

/// What the courier lends.
struct RedisParts {
  net::TlsIo& tls_io;
  Random& random;
  net::Resolver* resolver;
};

class RedisDelivery final : public Delivery, private redis::Asker {
 public:
  RedisDelivery(Loop& loop, const RedisParts& parts, std::shared_ptr<CopyQueue> queue, redis::Options options,
                observe::RedisStreamConfig config);

 private:
  /// Longer than requests wait: nobody does here.
  static constexpr Duration kPatience = std::chrono::seconds(1);

  Outcome deliver() override;
  void on_answer(uint64_t tag, const redis::Answer& answer) override;
  void settle_round();

  const observe::RedisStreamConfig config_;
  std::string length_max_;
  StoreCounters counters_;   // of this one client, which it outlives; metrics have the log's
  std::unique_ptr<redis::Client> client_;
  std::vector<bool> there_;   // by records(): Redis has said so
  size_t waiting_ = 0;        // answers still to come
  std::string trouble_;       // of this round; empty: none
};

}  // namespace sluice::exporting

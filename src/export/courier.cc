#include "export/courier.h"

#include <pthread.h>

#include <algorithm>
#include <thread>

#include "base/hash.h"
#include "base/log.h"
#include "export/redis_delivery.h"
#include "export/syslog_delivery.h"
#include "loop/mailbox.h"
#include "net/resolver.h"
#include "net/tls_io.h"

namespace sluice::exporting {

/// The thread, its loop and what lives on it.
class Courier::Rounds final : private Timer::Owner {
 public:
  /// A place and its queue. Letters that name it come in order: the last one is that nobody holds it any more.
  struct Place final : CopyQueue::Bell {
    Place(Rounds& its_rounds, const std::string& name, observe::OnOverflow on_overflow, observe::SharedLogCounts& counts)
        : rounds(&its_rounds), queue(std::make_shared<CopyQueue>(name, on_overflow, *this, counts)) {}
    void ring() override {
      rounds->mailbox_.post_work([this] { delivery->go_on(); });
    }
    Rounds* rounds;
    std::shared_ptr<CopyQueue> queue;
    std::unique_ptr<Delivery> delivery{};
    TimePoint leave_at = kNever;
  };

  explicit Rounds(uint64_t random_seed) : mailbox_(loop_), tls_io_(loop_), random_(random_seed) {
    loop_.set_name("courier");
    thread_ = std::thread([this] {
      pthread_setname_np(pthread_self(), "courier");
      loop_.run();
    });
  }

  // The keeper's thread.

  /// `make(rounds, queue)` gives the Delivery, on the loop.
  template <class Make>
  void add(std::unique_ptr<Place> place, Make make) {
    mailbox_.post_work([this, place = std::move(place), make = std::move(make)]() mutable {
      place->delivery = make(*this, place->queue);
      places_.push_back(std::move(place));
    });
  }
  void stop(Duration patience) {
    mailbox_.post_work([this, patience] {
      stopping_ = true;
      for (auto& place : places_) place->leave_at = std::min(place->leave_at, loop_.clock().now() + patience);
      leave();
    });
    thread_.join();
  }

  /// Any thread: nobody holds it any more.
  void retire(Place* place) {
    mailbox_.post_work([this, place] {
      place->leave_at = std::min(place->leave_at, loop_.clock().now() + Duration(kPatience));
      leave();
    });
  }

  // The loop.
  Loop& loop() { return loop_; }
  RedisParts redis_parts() { return {tls_io_, random_, resolver()}; }
  net::Resolver* resolver() {
    if (resolver_) return resolver_.get();
    auto made = net::Resolver::make(loop_, {});
    if (made) resolver_ = *std::move(made);
    else LOG(error, "names of syslog and redis servers cannot be resolved", kv("error", made.error().what));
    return resolver_.get();
  }

 private:
  static constexpr Duration kLook = std::chrono::milliseconds(10);

  void on_timer(Timer&) override { leave(); }

  // Places that are given up, as soon as they have what they were given, or their time is over.
  void leave() {
    TimePoint now = loop_.clock().now();
    bool some = false;
    std::erase_if(places_, [&](const std::unique_ptr<Place>& place) {
      if (place->leave_at == kNever) return false;
      bool gone = place->queue->empty() || now >= place->leave_at;
      some = some || !gone;
      return gone;
    });
    if (some) return timer_.start(loop_.timers(), now + kLook, *this);
    if (!stopping_) return;
    timer_.stop();
    resolver_.reset();
    mailbox_.close();
    loop_.stop();
  }

  Loop loop_;
  Mailbox mailbox_;
  net::TlsIo tls_io_;
  Random random_;
  std::unique_ptr<net::Resolver> resolver_;
  std::vector<std::unique_ptr<Place>> places_;
  Timer timer_;
  bool stopping_ = false;
  std::thread thread_;
};

Courier::Courier(uint64_t random_seed) : random_seed_(random_seed) {}

Courier::~Courier() { stop(); }

template <class Make>
std::shared_ptr<observe::AuditCopy> Courier::open_one(const std::string& name, const std::string& key,
                                                      observe::OnOverflow on_overflow, Make make) {
  std::erase_if(open_, [](const auto& entry) { return entry.second.expired(); });
  auto& known = open_[name + " " + key + (on_overflow == observe::OnOverflow::block ? " block" : "")];
  if (auto held = known.lock()) return held;
  if (rounds_ == nullptr) rounds_ = std::make_unique<Rounds>(random_seed_);
  auto place = std::make_unique<Rounds::Place>(*rounds_, name, on_overflow, counts_[name]);
  std::shared_ptr<observe::AuditCopy> copy(place->queue.get(), [place = place.get()](observe::AuditCopy*) {
    place->rounds->retire(place);
  });
  rounds_->add(std::move(place), std::move(make));
  known = copy;
  return copy;
}

observe::AuditCopies Courier::open(const CopyPlaces& places) {
  using Queue = std::shared_ptr<CopyQueue>;
  observe::AuditCopies out;
  if (places.syslog) {
    std::string key = places.syslog->address.to_string() + " " + std::to_string(observe::facility_code(places.syslog->facility));
    out.push_back(open_one("audit_syslog", key, places.on_overflow, [config = *places.syslog](Rounds& rounds, Queue queue) {
      return std::make_unique<SyslogDelivery>(rounds.loop(), rounds.resolver(), std::move(queue), config);
    }));
  }
  if (places.redis) {
    const observe::RedisStreamConfig& redis = *places.redis;
    std::string key = redis.store.name + " " + std::to_string(places.redis_fingerprint) + " " +
                      std::to_string(redis.length_max) + " " + redis.stream;
    auto make = [config = redis, options = places.redis_options](Rounds& rounds, Queue queue) {
      return std::make_unique<RedisDelivery>(rounds.loop(), rounds.redis_parts(), std::move(queue), options, config);
    };
    out.push_back(open_one("audit_redis", key, places.on_overflow, std::move(make)));
  }
  return out;
}

std::vector<std::pair<std::string, observe::LogCounts>> Courier::counts() const {
  std::vector<std::pair<std::string, observe::LogCounts>> out;
  for (const auto& [name, counts] : counts_) out.emplace_back(name, counts.read());
  return out;
}

void Courier::stop(std::chrono::milliseconds patience) {
  if (rounds_ == nullptr) return;
  rounds_->stop(patience);
  rounds_.reset();
}

}  // namespace sluice::exporting

// One connection of a pool (private to pool.cc): socket, codec, and where it is in its life.
#pragma once

#include "upstream/pool.h"

namespace sluice::upstream {

class PooledUpstream::Site final : public Endpoint {
 public:
  Site(std::shared_ptr<const EndpointList> list, const EndpointTarget& target, uint32_t index)
      : Endpoint(target.address.to_string()), list_(std::move(list)), target_(target), index_(index) {}

  std::shared_ptr<const EndpointList> list_;   // keeps the metric id of target_ in use
  EndpointTarget target_;
  uint32_t index_;                     // in sites_; meaningless once retired
  uint32_t in_flight_ = 0;
  uint32_t links_ = 0;
  bool retired_ = false;
  bool down_ = false;
  const char* failure_ = "";           // of the last connection that could not be made
  List<PoolLink, class PoolLinkTag> idle_;   // most recent first
  List<PoolLink, class PoolLinkTag> busy_;   // connecting, or with a request
};

class PooledUpstream::PoolLink : public ListHook<class PoolLinkTag>,
                                 public wire::Connection::Owner,
                                 public Timer::Owner {
 public:
  PoolLink(PooledUpstream& pool, Site& site)
      : pool_(&pool), site_(&site), connection_(pool.parts_.loop, codec_, *this, pool.timeouts_),
        codec_(connection_, pool.limits_) {}

  virtual ~PoolLink() = default;
  virtual bool waited_for() const { return opening_ != nullptr; }
  void reached();
  void on_open() override;
  void on_open_failed(Error why) override;
  void on_available() override { pool_->on_idle(*this); }
  void on_gone() override { pool_->on_link_gone(*this); }
  void on_timer(Timer&) override;

  PooledUpstream* pool_;
  Site* site_;
  Opening* opening_ = nullptr;
  TimePoint idle_since_{};
  Timer timer_;            // to connect; then, while idle, until the other side may close
  Error connect_error_;                // no socket could be made
  bool idle_ = false;
  uint32_t tls_generation_ = 0;        // of the certificates that it was opened with
  wire::Connection connection_;
  http::H1ClientCodec codec_;
};

}  // namespace sluice::upstream

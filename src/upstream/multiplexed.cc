#include "upstream/multiplexed.h"

#include <algorithm>

#include "http/h2_codec.h"
#include "upstream/pool_link.h"

namespace sluice::upstream {
namespace {

// Of servers of our own side: enough for any of them, and still bounded.
constexpr uint32_t kFramesMax = 1'000'000;

http::H2Limits limits_for(const UpstreamConfig& config, const http::H1Limits& head) {
  http::H2Limits limits;
  limits.head = head;
  limits.streams = config.streams;
  limits.write_patience = config.timeout.body;   // of tunnels
  limits.resets = limits.pings = limits.settings = limits.empty_frames = limits.control_frames = kFramesMax;
  limits.continuations = 16;   // 128 KiB of head
  return limits;
}

}  // namespace

/// A connection whose streams are requests. They wait until the server's SETTINGS say how many it takes.
class MultiplexedUpstream::SharedLink final : public PoolLink {
 public:
  using PoolLink::PoolLink;

  void on_open() override;
  void on_open_failed(Error why) override;
  void on_available() override;

  bool waited_for() const override { return waiting() > 0; }
  bool connects() const { return !ready_ && !failed_; }
  bool has_room() const { return ready_ && !connection_.ending() && h2_->has_room(); }
  void wait(Opening& opening) { waiting_.push_back(&opening); }
  size_t waiting() const { return waiting_.size() + (opening_ ? 1 : 0); }
  /// gives: whether it waited here
  bool forget(Opening& opening);
  http::Stream& open(Opening& opening) { return h2_->open(opening.stream_events()); }

 private:
  MultiplexedUpstream& pool() { return static_cast<MultiplexedUpstream&>(*pool_); }
  void begin_serving();

  std::vector<Opening*> waiting_;   // beside opening_
  std::unique_ptr<http::H2ClientCodec> h2_;
  bool ready_ = false;
  bool failed_ = false;
};

void MultiplexedUpstream::SharedLink::on_open() {
  if (opening_ == nullptr && waiting_.empty()) return connection_.finish(http::Finish::abort);
  const net::Transport& transport = *connection_.transport();
  if (transport.is_tls() && transport.tls().alpn != "h2") {
    on_open_failed({Code::unsupported, Side::upstream, Progress::unsent, "the server agrees on no HTTP/2"});
    return connection_.finish(http::Finish::abort);
  }
  http::Scheme scheme = transport.is_tls() ? http::Scheme::https : http::Scheme::http;
  h2_ = std::make_unique<http::H2ClientCodec>(connection_, scheme, pool().h2_limits_);
  connection_.set_codec(*h2_);
  h2_->start();
}

void MultiplexedUpstream::SharedLink::on_open_failed(Error why) {
  failed_ = true;
  std::vector<Opening*> waiting = std::move(waiting_);
  waiting_.clear();
  PoolLink::on_open_failed(why);
  why.side = Side::upstream;
  why.progress = Progress::unsent;
  for (Opening* opening : waiting) opening->on_open_failed(why);
}

// SETTINGS have come, a stream is over, the server leaves, or all is over.
void MultiplexedUpstream::SharedLink::on_available() {
  if (connects()) {
    if (h2_->ended()) {
      return on_open_failed({Code::bad_message, Side::upstream, Progress::unsent, "no HTTP/2 from the server"});
    }
    if (!h2_->is_greeted()) return;
    if (!h2_->has_room()) {   // another connection would hear the same
      on_open_failed({Code::unsupported, Side::upstream, Progress::unsent, "the server takes no requests"});
      return connection_.finish(http::Finish::abort);
    }
    begin_serving();
  }
  bool rests = ready_ && !idle_ && h2_->streams() == 0 && !h2_->leaving() && !connection_.ending();
  if (rests) pool().on_idle(*this);
}

void MultiplexedUpstream::SharedLink::begin_serving() {
  ready_ = true;
  reached();
  std::vector<Opening*> waiting = std::move(waiting_);
  waiting_.clear();
  if (Opening* first = std::exchange(opening_, nullptr)) waiting.insert(waiting.begin(), first);
  for (Opening* opening : waiting) {
    if (has_room()) {
      pool().metrics().streams_new.add();
      opening->on_opened(open(*opening));
    } else if (http::Stream* stream = pool_->open(*site_, Reuse::any, *opening)) {   // more than the server takes
      opening->on_opened(*stream);
    }
  }
}

bool MultiplexedUpstream::SharedLink::forget(Opening& opening) {
  bool waited = opening_ == &opening || std::erase(waiting_, &opening) > 0;
  if (opening_ == &opening) opening_ = nullptr;
  if (waited && waiting() == 0 && connects()) {
    timer_.stop();
    connection_.finish(http::Finish::abort);
    failed_ = true;
  }
  return waited;
}

MultiplexedUpstream::MultiplexedUpstream(const PoolParts& parts, PoolSettings settings)
    : PooledUpstream(parts, std::move(settings)), h2_limits_(limits_for(settings_.config, limits_)) {
  shared_.count_in(parts_.loop.blocks().share());
}

MultiplexedUpstream::~MultiplexedUpstream() { abort(); }

PooledUpstream::PoolLink* MultiplexedUpstream::make_link(Site& site) {
  if (MemoryShare* share = parts_.loop.blocks().share()) share->take(http::kH2Bytes);
  return shared_.make(*this, site);
}

void MultiplexedUpstream::destroy_link(PoolLink& link) {
  if (MemoryShare* share = parts_.loop.blocks().share()) share->give(http::kH2Bytes);
  shared_.destroy(static_cast<SharedLink*>(&link));
}

http::Stream* MultiplexedUpstream::open(Endpoint& endpoint, Reuse reuse, Opening& opening) {
  Site& site = static_cast<Site&>(endpoint);
  // A stream that a leaving server did not take is refused by name, so any connection may carry any request.
  SharedLink* link = reuse == Reuse::never ? nullptr : find_room(site);
  if (link) {
    metrics().streams_reused.add();
    return &link->open(opening);
  }
  link = find_connecting(site);
  if (link) {
    link->wait(opening);
  } else {
    connect(site, opening);
  }
  return nullptr;
}

MultiplexedUpstream::SharedLink* MultiplexedUpstream::find_room(Site& site) {
  SharedLink* found = nullptr;
  auto look = [&](PoolLink& link) {
    auto& shared = static_cast<SharedLink&>(link);
    if (found || !shared.has_room()) return;
    if (link.tls_generation_ == tls_generation()) {
      found = &shared;
    } else {
      link.connection_.drain();   // opened with certificates that have been replaced since
    }
  };
  site.busy_.each(look);
  if (!found) site.idle_.each(look);
  if (found && found->idle_) leave_idle(*found);
  return found;
}

MultiplexedUpstream::SharedLink* MultiplexedUpstream::find_connecting(Site& site) {
  SharedLink* found = nullptr;
  site.busy_.each([&](PoolLink& link) {
    auto& shared = static_cast<SharedLink&>(link);
    if (link.tls_generation_ != tls_generation()) return;   // with certificates that have been replaced since
    if (shared.connects() && shared.waiting() > 0 && shared.waiting() < settings_.config.streams) found = &shared;
  });
  return found;
}

void MultiplexedUpstream::cancel(Opening& opening) {
  bool found = false;
  for (auto* list : {&sites_, &retired_}) {
    for (auto& site : *list) {
      site->busy_.each([&](PoolLink& link) {
        if (!found) found = static_cast<SharedLink&>(link).forget(opening);
      });
    }
  }
}

}  // namespace sluice::upstream

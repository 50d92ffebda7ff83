// A WebSocket between a client and an upstream, from the 101 on: two ways of raw bytes, moved by credit. Follows the
// frames by their lengths, so that a Close can be put between two of them; looks at no payload, unless its route asks for
// it (MessageTunnel). Small, because there may be a hundred thousand: what the request needed has gone with its Exchange.
#pragma once

#include "http/stream.h"
#include "http/ws_deflate.h"
#include "http/ws_follower.h"
#include "loop/task.h"
#include "loop/timer.h"
#include "observe/metrics.h"
#include "policy/auth/authenticator.h"
#include "policy/policy.h"
#include "proxy/kept_names.h"
#include "proxy/messages.h"
#include "upstream/upstream.h"

namespace sluice::proxy {

class Tunnel;
struct TunnelGroup;

/// After its Close frame a side gets this long to say its own; then the connection ends.
inline constexpr Duration kCloseWait = std::chrono::milliseconds(500);
/// After both have said Close, the connections may take this long to end.
inline constexpr Duration kFarewell = std::chrono::seconds(5);

/// What arrives on one of the two streams.
template <Side kSide>
class TunnelEvents : public http::StreamEvents {
 public:
  Arena& arena() override;   // heads are kept there: none comes
  void on_head(http::Head&) override {}
  void on_informational(http::Head&) override {}
  void on_body(Chain bytes) override;
  void on_trailers(http::Fields&) override {}
  void on_end() override;
  void on_credit() override;
  void on_reset(Error why) override;
  void on_refused(const http::Problem&, http::Head&) override {}
};

/// What the Exchange hands over.
struct TunnelParts {
  http::Stream& client;
  http::Stream* upstream;             // null: lost meanwhile
  upstream::Endpoint* endpoint;
  Chain early;                        // came behind the upstream's head, not consumed yet
  bool upstream_ended;
  TimePoint expires;                  // of the credential
  http::Version client_version;
  http::WsDeflate deflate;            // agreed on
  KeptNames names;
  std::unique_ptr<policy::Tenure> tenure;   // null: no policy counts it
  const policy::Identity* identity;   // null: nobody asked for one; nothing of it is kept here
};

class Tunnel : public Task,
               public ListHook<class TunnelTag>,
               private Timer::Owner,
               private TunnelEvents<Side::client>,
               private TunnelEvents<Side::upstream> {
 public:
  Tunnel(TunnelGroup& group, TunnelParts parts);
  /// Lets both streams tell of what they have. Once, when the tunnel is in its place.
  void start();
  /// It ends at that time, for that reason, unless it ends before.
  void end_at(TimePoint at, observe::TunnelEnd why);
  /// Until it ends.
  void keep(std::unique_ptr<policy::Tenure> tenure);
  /// What the logs would say of it now; views of it.
  observe::AccessRecord look(observe::AuditRecord& audit) const;
  TimePoint began() const { return began_; }
  /// The credentials that opened it.
  const KeptNames& names() const { return names_; }

 private:
  template <Side kSide> friend class TunnelEvents;

  /// One side, and what comes from it.
  struct Flow {
    http::Stream* stream = nullptr;
    Chain held;                  // not sent to the other side yet
    uint64_t bytes = 0;          // sent there
    [[no_unique_address]] http::WsFollower frames;   // of these; the bits lie in its last bytes
    bool ended : 1 = false;      // nothing more comes
    bool told : 1 = false;       // the other side was told that
    bool close_sent : 1 = false;   // to this side, by us
  };

  /// Null where frames are only followed.
  virtual Messages* messages() { return nullptr; }
  Next advance() override;
  void arrived(Side side, Chain bytes);
  void move(Flow& from, Flow& to);
  size_t follow(Flow& from, size_t bytes, bool one_frame);
  void pass_end(Flow& from, Flow& to, observe::TunnelEnd why);
  void begin_close(observe::TunnelEnd why);
  void close(Flow& from, Flow& to);
  bool over(const Flow& from) const;
  bool look_at_clock();
  void arm();
  Next finish();
  void leave(Flow& from, Flow& to);
  void leave_endpoint();
  void write_logs();
  void on_timer(Timer&) override;
  http::WsClose code() const;
  http::WsClose code_for(const Flow& side) const;
  bool blames() const { return client_blamed_ || upstream_blamed_; }
  bool blames(const Flow& side) const { return &side == &client_ ? client_blamed_ : upstream_blamed_; }

  // tunnel_messages.cc
  Messages::Way* way_of(const Flow& from);
  void judge(Flow& from, Flow& to);
  void refuse(MessageFault fault, Flow& from, Flow& to);
  void blame(const Flow& side, http::WsClose code, observe::TunnelEnd why);
  void drop_from_now(Flow& from);
  void feel_pulse(Flow& side, Flow& other);

  TunnelGroup* group_;
  upstream::Endpoint* endpoint_;
  Flow client_;
  Flow upstream_;
  Timer timer_;
  TimePoint began_;
  TimePoint active_;             // when bytes moved last
  TimePoint ends_at_;            // the credential's end, the gateway's; while closing: no later than this
  KeptNames names_;
  std::unique_ptr<policy::Tenure> tenure_;
  http::WsClose code_ = http::WsClose::none;   // of our Close
  observe::TunnelEnd why_ = observe::TunnelEnd::client;    // valid when decided_
  observe::TunnelEnd ends_why_ = observe::TunnelEnd::expired;
  bool decided_ : 1 = false;
  bool closing_ : 1 = false;     // we end it
  bool parting_ : 1 = false;     // both sides have said Close
  bool due_ : 1 = false;         // the timer has fired
  bool over_h2_ : 1;             // the client's side
  bool client_blamed_ : 1 = false;     // our Close is for what it did, and the other side hears another code
  bool upstream_blamed_ : 1 = false;
};

static_assert(sizeof(Tunnel) <= 280, "there may be a hundred thousand");

/// One whose route asks for messages to be looked at.
class MessageTunnel final : public Tunnel {
 public:
  MessageTunnel(TunnelGroup& group, TunnelParts parts);

 private:
  Messages* messages() override { return &messages_; }
  Messages messages_;
};

}  // namespace sluice::proxy

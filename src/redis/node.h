// One server: its connection kept up, with back-off, and the commands that wait for it. Decides when the server is
// away: then it takes no commands until a probe (connect, login, PING) has succeeded.
#pragma once

#include <cstdint>
#include <vector>

#include "base/hash.h"
#include "base/store_counters.h"
#include "loop/loop.h"
#include "net/resolver.h"
#include "redis/circuit.h"
#include "redis/link.h"
#include "redis/options.h"
#include "redis/request.h"

namespace sluice::redis {

/// What a worker lends its clients.
struct Parts {
  Loop& loop;
  net::TlsIo& tls_io;
  Random& random;
  net::Resolver* resolver;   // null: addresses only
  StoreCounters& counters;
};

/// A connection that ended sooner was no good: the next one waits for the back-off.
inline constexpr Duration kGoodLife = std::chrono::seconds(1);
/// An idle connection is asked this often whether it still stands.
inline constexpr Duration kLivenessEvery = std::chrono::seconds(2);

class Node final : private Link::Owner, private Timer::Owner, private net::Resolver::Answer {
 public:
  /// Records facts: none of these calls may destroy the node.
  class Owner {
   public:
    virtual void on_node_up(Node& node) = 0;
    /// The connection ended; the node connects anew, or is away.
    virtual void on_node_lost(Node& node) = 0;
    virtual void on_node_away(Node& node) = 0;

   protected:
    ~Owner() = default;
  };
  enum class State : uint8_t {
    rest,         // not asked for yet
    connecting,   // commands wait
    up,
    away,         // until the timer
    probing,      // connecting, but commands do not wait
  };

  /// What the server is to us: decides what is said before the first command.
  enum class Role : uint8_t { server, master, cluster_node, sentinel };

  /// `options` outlives the node.
  Node(const Parts& parts, const Options& options, std::vector<Place> places, Role role, Owner& owner);
  Node(const Node&) = delete;
  ~Node() { CHECK(waiting_.empty()); }

  /// Connects without waiting for a command.
  void start();
  /// Another server has taken over: connects there.
  void move_to(std::vector<Place> places);
  bool accepts() const { return state_ != State::away && state_ != State::probing; }
  /// needs: accepts()
  void submit(Request& request);
  /// Tells every request that it is lost, and closes.
  void stop();

  static constexpr const char* kSilent = "does not answer";

  /// What became of a command: feeds the circuit. missed() may close, and tell other requests so.
  void answered();
  void missed(const char* why = kSilent);
  void missed(ErrorKind kind) { if (is_unfit(kind)) missed(error_kind_name(kind).data()); }
  /// It answers, but cannot be of use: another connection, after a while, to the next place if there are several.
  void unsuitable(const char* why);

  State state() const { return state_; }
  bool idle() { return waiting_.empty() && link_.idle(); }
  const std::vector<Place>& places() const { return places_; }
  /// Of the connection, or the last one tried.
  const Place& place() const { return places_[place_]; }
  /// Why it is away, for the log.
  const char* trouble() const { return trouble_; }
  const std::string& complaint() const { return link_.complaint(); }

 private:
  class Ping final : public Request {
   public:
    explicit Ping(Node& node) : node_(&node) {}
    void on_reply(const Reply& reply) override {
      if (reply.is(Reply::Type::error)) node_->missed(error_kind(reply.text));
    }
    void on_lost(const Error&) override {}

   private:
    Node* node_;
  };

  void on_link_open() override;
  void on_link_failed(const Error& why) override;
  void on_timer(Timer& timer) override;
  void on_resolved(Result<net::Resolved> result) override;

  Greeting greeting() const;
  void begin_round(State state);
  void begin_place();
  void try_address();
  void fail_attempt(const Error& why);
  void go_away(const Error& why);
  void check_liveness();
  void lose_waiting(const Error& why);
  TimePoint now() const { return parts_.loop.clock().now(); }

  Parts parts_;
  const Options* options_;
  Owner* owner_;
  std::vector<Place> places_;
  Link link_;
  Ping ping_;
  Circuit circuit_;
  Timer timer_;
  std::optional<net::Resolver::Query> query_;
  Requests waiting_;
  std::vector<net::SocketAddress> addresses_;   // of the place that is tried
  size_t address_ = 0;
  size_t place_ = 0;
  size_t places_left_ = 0;   // to be tried in this round
  Error attempt_error_;      // found inside a call: told by the timer
  const char* trouble_ = "";
  TimePoint opened_at_{};
  uint64_t replies_seen_ = 0;
  State state_ = State::rest;
  Role role_;
  bool elsewhere_ = false;   // the next round begins with another place
};

}  // namespace sluice::redis

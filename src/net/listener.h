// Listening: the sockets, which the supervisor binds and owns, and the accepting, which each worker
// does on a duplicate of them. Knows no protocol: an Acceptor makes connections of transports.
#pragma once

#include <cstdint>
#include <string>

#include "base/counter.h"
#include "base/result.h"
#include "loop/loop.h"
#include "loop/timer.h"
#include "net/address.h"
#include "net/transport.h"

namespace sluice::net {

struct ListenOptions {
  int backlog = 4096;               // Linux cuts it to net.core.somaxconn
  uint32_t unix_mode = 0660;        // of a unix socket's file
  bool listening = true;            // false: only bound, nobody can connect before listen()
};

/// A bound, listening descriptor and the unix file that goes with it.
class ListenSocket {
 public:
  /// Binds with SO_REUSEPORT (one socket per worker and address is possible) and listens: connections
  /// wait in its queue until somebody accepts. A unix file that nobody listens on is replaced.
  /// errors: bad_value, `what` is the system's reason
  static Result<ListenSocket> bind(const SocketAddress& address, const ListenOptions& options = {});
  /// Takes over a listening descriptor (socket activation, upgrade); its unix file is not removed.
  static ListenSocket adopt(int descriptor);

  ListenSocket(ListenSocket&& other) noexcept;
  ListenSocket& operator=(ListenSocket&& other) noexcept;
  ~ListenSocket();   // closes, and removes the unix file that bind() made

  /// For a socket that was only bound. errors: as bind()
  Result<void> listen(const ListenOptions& options = {});

  int descriptor() const { return descriptor_; }
  bool is_unix() const { return is_unix_; }
  /// Where it is bound: the real port when 0 was asked for.
  SocketAddress address() const;
  /// Leaves the unix file in place: another process goes on with it.
  void keep_file() { path_.clear(); }

 private:
  explicit ListenSocket(int descriptor) : descriptor_(descriptor) {}
  int descriptor_ = -1;
  bool is_unix_ = false;
  std::string path_;
};

/// Is somebody listening there already? With SO_REUSEPORT a second instance would silently take half
/// of the traffic, so this binds without it.
/// errors: the address cannot be bound for another reason (not ours, no permission)
Result<bool> address_in_use(const SocketAddress& address);

class Acceptor {
 public:
  /// A connection; call start on it. `client` is unset for unix sockets.
  virtual void on_accept(TransportPtr transport, const SocketAddress& client) = 0;
  /// Accepting stops for a moment: no descriptor is left.
  virtual void on_pause() {}

 protected:
  ~Acceptor() = default;
};

/// Accepts on one worker. Out of descriptors it stops for a moment; clients wait in the queue.
class Listener final : Timer::Owner {
 public:
  static constexpr int kAcceptsPerTurn = 64;
  static constexpr Duration kRetry = std::chrono::milliseconds(100);
  static constexpr Duration kLogEvery = std::chrono::seconds(10);

  Listener(Loop& loop, Acceptor& acceptor) : loop_(&loop), acceptor_(&acceptor) {}
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener() { close(); }

  /// Starts accepting on a duplicate of the socket.
  /// errors: no descriptor is left
  Result<void> start(const ListenSocket& socket);
  /// Accepts what waits in the queue (closing would reset it), then closes.
  void stop();
  /// Accepts no more here; what waits in the queue is for whoever accepts from this socket next.
  void leave() { close(); }
  bool listening() const { return watch_ != nullptr; }

  /// Times that accepting stopped for want of descriptors.
  const Counter& pauses() const { return pauses_; }

 private:
  struct Watch final : Watcher {   // lives to the end of the turn
    Watch(int d, Listener& l) : descriptor(d), listener(&l) {}
    void on_ready(uint32_t) override { if (listener) listener->accept_some(); }
    void on_buried() override { delete this; }
    int descriptor;
    Listener* listener;
  };
  enum class Accepted : uint8_t { one, none, failed };

  void accept_some();
  void on_timer(Timer& timer) override;
  Result<void> watch();
  Accepted accept_one();
  void pause_accepting(int error);
  void close();

  Loop* loop_;
  Acceptor* acceptor_;
  Watch* watch_ = nullptr;
  bool watching_ = false;
  bool is_unix_ = false;
  Timer retry_;
  TimePoint logged_at_{};
  uint64_t unlogged_ = 0;
  Counter pauses_;
};

}  // namespace sluice::net

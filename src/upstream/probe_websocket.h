// Checks of WebSocket servers: handshake, ping, pong within the deadline, close. The door to libwebsockets, which runs on
// a thread of its own: one for the process, there while there is anything to check (docs/adr/0014-websocket-probes.md).
#pragma once

#include <memory>
#include <string>

#include "loop/loop.h"
#include "loop/mailbox.h"
#include "upstream/probe.h"

namespace sluice::upstream {

class WebSocketThread;

/// What the keeper keeps of it.
class WebSocketProbing {
 public:
  explicit WebSocketProbing(Mailbox& mailbox) : mailbox_(&mailbox) {}
  /// The thread, begun if nobody holds one that works; whoever holds it last ends it, and waits for that.
  std::shared_ptr<WebSocketThread> thread();

 private:
  Mailbox* mailbox_;
  std::weak_ptr<WebSocketThread> thread_;
};

class WebSocketProbe final : public Probe, private Timer::Owner {
 public:
  /// `upstream` has checks
  WebSocketProbe(Loop& loop, WebSocketProbing& probing, const UpstreamConfig& upstream, ProbeTarget target);
  WebSocketProbe(const WebSocketProbe&) = delete;
  ~WebSocketProbe() override { give_up(); }
  void start(Waiter& waiter) override;

 private:
  friend class WebSocketThread;
  struct Check;

  void on_timer(Timer&) override;   // the thread may not be trusted to be in time
  void on_result(std::string failure);
  void give_up();

  Loop* loop_;
  WebSocketProbing* probing_;
  std::shared_ptr<WebSocketThread> thread_;
  ProbeTarget target_;
  std::string host_;
  std::string path_;
  Duration timeout_;
  bool verify_;
  std::shared_ptr<Check> check_;   // under way; null: none
  Waiter* waiter_ = nullptr;
  Timer timer_;
};

}  // namespace sluice::upstream

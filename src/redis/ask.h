// One command of a client under way: its deadline, its way back to the asker, and what is needed to send it
// again (a script that Redis has lost, a slot that has moved). Private to the folder.
#pragma once

#include "loop/timer.h"
#include "redis/client.h"

namespace sluice::redis {

/// Moves of a slot that one command follows: more is a cluster that does not know itself.
inline constexpr uint8_t kRedirectsMax = 4;

class Client::Ask final : public Request, private Timer::Owner {
 public:
  Ask(Client& client, Asker& asker, const Command& command);

  void dispatch(Node& node);
  /// The asker is not told.
  void abandon();
  void on_reply(const Reply& reply) override;
  void on_lost(const Error& why) override;

  uint32_t slot_index_ = 0;   // in Client::slots_, while somebody waits

 private:
  void on_timer(Timer& timer) override;
  bool repeat(ErrorKind kind, const Reply& reply);
  bool waiting() const { return !bytes.empty(); }
  void finish(const Answer& answer);
  void count(Outcome outcome);
  Chain encoded();

  Client* client_;
  Asker* asker_;             // null: nobody waits any more
  std::shared_ptr<const void> keep_;
  const Script* script_;     // looked at only while somebody waits
  Node* node_ = nullptr;
  uint64_t tag_;
  Chain arguments_;          // of a script: from its key on
  uint32_t count_;           // of them
  TimePoint sent_at_;
  Timer timer_;
  uint8_t redirects_ = 0;
  bool whole_script_ = false;   // EVAL: Redis does not have it
};

}  // namespace sluice::redis

// The master that sentinels name. One connection to one sentinel at a time; the master's own word (ROLE) decides.
#pragma once

#include "redis/directory.h"

namespace sluice::redis {

/// A failover is noticed this soon even where the old master still answers (a partition); otherwise at once.
inline constexpr Duration kSentinelPollEvery = std::chrono::seconds(1);

class SentinelServer final : public Directory, private Node::Owner, private Timer::Owner {
 public:
  SentinelServer(const Parts& parts, const Options& options, Directory::Owner& owner);

  void start() override;
  Node* node_for(uint16_t) override;
  Node* follow(Node&, ErrorKind, const Redirect&) override { return nullptr; }
  bool available() const override { return master_.state() == Node::State::up; }
  const Node& spokesman() const override { return master_.places().empty() ? sentinel_ : master_; }
  void stop() override;

 private:
  class Question final : public Request {   // where is the master?
   public:
    explicit Question(SentinelServer& server) : server_(&server) {}
    void on_reply(const Reply& reply) override { server_->take(reply); }
    void on_lost(const Error&) override {}

   private:
    SentinelServer* server_;
  };

  void on_node_up(Node& node) override;
  void on_node_lost(Node& node) override;
  void on_node_away(Node& node) override;
  void on_timer(Timer& timer) override;
  void ask();
  void take(const Reply& reply);

  Parts parts_;
  const Options* options_;
  Directory::Owner* owner_;
  Node sentinel_;
  Node master_;        // without a place until a sentinel has named it
  Question question_;
  Timer timer_;
};

}  // namespace sluice::redis

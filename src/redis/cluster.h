// A Redis cluster: who has which slot, learnt from CLUSTER SLOTS and corrected by MOVED. One connection for each node
// that is asked; replicas are not.
#pragma once

#include <memory>
#include <vector>

#include "redis/directory.h"
#include "redis/slot.h"

namespace sluice::redis {

/// As many as Redis recommends at most.
inline constexpr size_t kClusterNodesMax = 1'000;
/// The table of slots is asked for when something has moved or gone, but not more often than this,
inline constexpr Duration kRefreshGap = std::chrono::milliseconds(200);
/// and in any case this often.
inline constexpr Duration kRefreshEvery = std::chrono::seconds(10);

class Cluster final : public Directory, private Node::Owner, private Timer::Owner {
 public:
  Cluster(const Parts& parts, const Options& options, Directory::Owner& owner);

  void start() override;
  Node* node_for(uint16_t slot) override;
  Node* follow(Node& from, ErrorKind kind, const Redirect& redirect) override;
  bool available() const override;
  const Node& spokesman() const override;
  void stop() override;

 private:
  static constexpr uint16_t kNobody = UINT16_MAX;

  class Question final : public Request {   // who has which slots?
   public:
    explicit Question(Cluster& cluster) : cluster_(&cluster) {}
    void on_reply(const Reply& reply) override { cluster_->take(reply); }
    void on_lost(const Error&) override { cluster_->refresh_soon(); }

   private:
    Cluster* cluster_;
  };
  struct Member {
    std::unique_ptr<Node> node;   // null: a free place
    bool named = true;            // by the last table, or by the configuration
    bool configured = false;
  };

  void on_node_up(Node& node) override;
  void on_node_lost(Node& node) override;
  void on_node_away(Node& node) override;
  void on_timer(Timer& timer) override;
  void refresh_soon();
  void refresh();
  void take(const Reply& reply);
  bool take_range(const Reply& range);
  uint16_t member_at(const Place& place);
  uint16_t anybody();
  void drop_unnamed();
  TimePoint now() const { return parts_.loop.clock().now(); }

  Parts parts_;
  const Options* options_;
  Directory::Owner* owner_;
  std::vector<Member> members_;
  std::vector<uint16_t> slots_;   // by slot: in members_
  uint16_t asked_ = 0;            // whom the table is asked of
  Question question_;
  Timer timer_;
  TimePoint refreshed_at_{};
  bool known_ = false;            // a table has come
};

}  // namespace sluice::redis

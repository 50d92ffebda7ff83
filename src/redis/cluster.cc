#include "redis/cluster.h"

#include <algorithm>

#include "redis/command.h"

namespace sluice::redis {

Cluster::Cluster(const Parts& parts, const Options& options, Directory::Owner& owner)
    : parts_(parts), options_(&options), owner_(&owner), slots_(kSlots, kNobody), question_(*this) {
  for (const Place& place : options.places) {
    uint16_t member = member_at(place);
    if (member != kNobody) members_[member].configured = true;
  }
}

// Workers and gateways begin with different nodes.
void Cluster::start() {
  asked_ = static_cast<uint16_t>(parts_.random.below(members_.size()));
  members_[asked_].node->start();
  timer_.start(parts_.loop.timers(), now() + kRefreshEvery, *this);
}

void Cluster::stop() {
  timer_.stop();
  for (Member& member : members_) {
    if (member.node) member.node->stop();
  }
}

/// gives: kNobody when there are too many
uint16_t Cluster::member_at(const Place& place) {
  size_t free = members_.size();
  for (size_t i = 0; i < members_.size(); ++i) {
    if (!members_[i].node) free = i;
    else if (members_[i].node->places().front() == place) return static_cast<uint16_t>(i);
  }
  if (free >= kClusterNodesMax) return kNobody;
  if (free == members_.size()) members_.emplace_back();
  members_[free] = {std::make_unique<Node>(parts_, *options_, std::vector<Place>{place}, Node::Role::cluster_node,
                                               static_cast<Node::Owner&>(*this))};
  return static_cast<uint16_t>(free);
}

/// gives: one that is up before one that may be, after the one asked last; kNobody when all are away
uint16_t Cluster::anybody() {
  uint16_t found = kNobody;
  for (size_t i = 1; i <= members_.size(); ++i) {
    auto index = static_cast<uint16_t>((asked_ + i) % members_.size());
    Node* node = members_[index].node.get();
    if (node == nullptr || !node->accepts()) continue;
    if (node->state() == Node::State::up) return index;
    // One that is being connected to will know sooner than one nobody has asked yet.
    if (found == kNobody || node->state() == Node::State::connecting) found = index;
  }
  return found;
}

Node* Cluster::node_for(uint16_t slot) {
  uint16_t member = slot < kSlots ? slots_[slot] : kNobody;
  if (member == kNobody) member = anybody();   // who is asked wrongly says whom to ask
  return member == kNobody ? nullptr : members_[member].node.get();
}

Node* Cluster::follow(Node& from, ErrorKind kind, const Redirect& redirect) {
  Place place{std::string(redirect.host.empty() ? from.place().host : redirect.host), redirect.port};
  uint16_t member = member_at(place);
  if (member == kNobody) return nullptr;
  if (kind == ErrorKind::moved) {
    slots_[redirect.slot] = member;
    members_[member].named = true;
    refresh_soon();
  }
  return members_[member].node.get();
}

bool Cluster::available() const {
  return known_ && std::any_of(members_.begin(), members_.end(), [](const Member& member) {
    return member.node && member.node->state() == Node::State::up;
  });
}

const Node& Cluster::spokesman() const {
  const Node* found = nullptr;
  for (const Member& member : members_) {
    if (!member.node || member.node->state() == Node::State::rest) continue;
    if (found == nullptr || member.node->accepts()) found = member.node.get();
  }
  return found ? *found : *members_.front().node;
}

void Cluster::on_node_up(Node&) {
  if (refreshed_at_ == TimePoint{}) refresh();
  owner_->on_directory_changed();
}

void Cluster::on_node_lost(Node&) {
  refresh_soon();
  owner_->on_directory_changed();
}

// Somebody may have taken its slots. When all are away, each one's own probe finds its way back.
void Cluster::on_node_away(Node&) {
  refresh_soon();
  owner_->on_directory_changed();
}

void Cluster::refresh_soon() {
  TimePoint due = std::max(now(), refreshed_at_ + kRefreshGap);
  if (timer_.active() && timer_.deadline() <= due) return;
  timer_.start(parts_.loop.timers(), due, *this);
}

void Cluster::on_timer(Timer&) {
  drop_unnamed();
  refresh();
  timer_.start(parts_.loop.timers(), now() + kRefreshEvery, *this);
}

void Cluster::refresh() {
  if (question_.linked()) return;
  uint16_t member = anybody();
  if (member == kNobody) return;
  asked_ = member;
  refreshed_at_ = now();
  encode(parts_.loop.blocks(), question_.bytes, {"CLUSTER", "SLOTS"});
  members_[member].node->submit(question_);
}

void Cluster::take(const Reply& reply) {
  Node& node = *members_[asked_].node;
  if (!reply.is(Reply::Type::array)) {
    return node.unsuitable("is no node of a cluster");
  }
  node.answered();
  for (Member& member : members_) member.named = member.configured;
  for (const Reply& range : reply.items) {
    if (!take_range(range)) return node.unsuitable("tells no sense of its slots");
  }
  known_ = true;
  refreshed_at_ = now();
  owner_->on_directory_changed();
}

// [first slot, last slot, [address, port, id, ...] of the master, of its replicas ...]
bool Cluster::take_range(const Reply& range) {
  if (range.items.size() < 3 || range.items[2].items.size() < 2) return false;
  int64_t first = range.items[0].integer, last = range.items[1].integer;
  std::string_view host = range.items[2].items[0].text;
  int64_t port = range.items[2].items[1].integer;
  if (first < 0 || last < first || last >= kSlots || port <= 0 || port > 65535) return false;
  // A node that does not know its own name is where we have asked.
  bool nameless = host.empty() || host == "?";
  Place place{nameless ? members_[asked_].node->place().host : std::string(host), static_cast<uint16_t>(port)};
  uint16_t member = member_at(place);
  if (member == kNobody) return false;
  members_[member].named = true;
  for (int64_t slot = first; slot <= last; ++slot) slots_[static_cast<size_t>(slot)] = member;
  return true;
}

// From our own timer only: no node is below us on the stack.
void Cluster::drop_unnamed() {
  for (size_t i = 0; i < members_.size(); ++i) {
    Member& member = members_[i];
    if (!member.node || member.named || !member.node->idle() || member.node->state() == Node::State::connecting) continue;
    member.node->stop();
    member.node.reset();
    std::replace(slots_.begin(), slots_.end(), static_cast<uint16_t>(i), kNobody);
  }
}

}  // namespace sluice::redis

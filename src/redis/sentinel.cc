#include "redis/sentinel.h"

#include "base/text.h"
#include "redis/command.h"

namespace sluice::redis {
SentinelServer::SentinelServer(const Parts& parts, const Options& options, Directory::Owner& owner)
    : parts_(parts), options_(&options), owner_(&owner),
      sentinel_(parts, options, options.places, Node::Role::sentinel, *this),
      master_(parts, options, {}, Node::Role::master, *this), question_(*this) {}

void SentinelServer::start() {
  sentinel_.start();
  timer_.start(parts_.loop.timers(), parts_.loop.clock().now() + kSentinelPollEvery, *this);
}

// While nobody has named it, commands wait, as long as there is somebody to name it.
Node* SentinelServer::node_for(uint16_t) {
  return master_.places().empty() && !sentinel_.accepts() ? nullptr : &master_;
}

void SentinelServer::stop() {
  timer_.stop();
  sentinel_.stop();
  master_.stop();
}

void SentinelServer::on_timer(Timer&) {
  ask();
  timer_.start(parts_.loop.timers(), parts_.loop.clock().now() + kSentinelPollEvery, *this);
}

void SentinelServer::ask() {
  if (sentinel_.state() != Node::State::up || question_.linked()) return;
  encode(parts_.loop.blocks(), question_.bytes, {"SENTINEL", "get-master-addr-by-name", options_->master});
  sentinel_.submit(question_);
}

void SentinelServer::take(const Reply& reply) {
  bool named = reply.is(Reply::Type::array) && reply.items.size() == 2;
  auto port = named ? parse_decimal(reply.items[1].text) : std::nullopt;
  if (!port || *port == 0 || *port > 65535 || reply.items[0].text.empty()) {
    return sentinel_.unsuitable("knows no master of that name");
  }
  sentinel_.answered();
  Place place{std::string(reply.items[0].text), static_cast<uint16_t>(*port)};
  if (!master_.places().empty() && master_.place() == place) return;
  master_.move_to({place});
  owner_->on_directory_changed();
}

void SentinelServer::on_node_up(Node& node) {
  if (&node == &sentinel_) return ask();
  owner_->on_directory_changed();
}

void SentinelServer::on_node_lost(Node& node) {
  if (&node == &sentinel_) return;
  ask();
  owner_->on_directory_changed();
}

// Another sentinel may know better than the one that named a master who is none, or not there.
void SentinelServer::on_node_away(Node& node) {
  if (&node == &master_) sentinel_.unsuitable("named a master that is away");
  owner_->on_directory_changed();
}

}  // namespace sluice::redis

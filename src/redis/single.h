// One server, known by its address.
#pragma once

#include "redis/directory.h"

namespace sluice::redis {

class SingleServer final : public Directory, private Node::Owner {
 public:
  SingleServer(const Parts& parts, const Options& options, Directory::Owner& owner)
      : owner_(&owner), node_(parts, options, options.places, Node::Role::server, *this) {}

  void start() override { node_.start(); }
  Node* node_for(uint16_t) override { return &node_; }
  Node* follow(Node&, ErrorKind, const Redirect&) override { return nullptr; }
  bool available() const override { return node_.state() == Node::State::up; }
  const Node& spokesman() const override { return node_; }
  void stop() override { node_.stop(); }

 private:
  void on_node_up(Node&) override { owner_->on_directory_changed(); }
  void on_node_lost(Node&) override { owner_->on_directory_changed(); }
  void on_node_away(Node&) override { owner_->on_directory_changed(); }

  Directory::Owner* owner_;
  Node node_;
};

}  // namespace sluice::redis

// Which node takes a command: one server, the master that sentinels name, or the owner of a slot in a cluster.
#pragma once

#include <memory>

#include "redis/node.h"

namespace sluice::redis {

class Directory {
 public:
  class Owner {
   public:
    /// available() may have changed.
    virtual void on_directory_changed() = 0;

   protected:
    ~Owner() = default;
  };

  virtual ~Directory() = default;
  /// Connects.
  virtual void start() = 0;
  /// gives: null when nobody is known to have the slot
  virtual Node* node_for(uint16_t slot) = 0;
  /// A node has sent us elsewhere. gives: where to, or null
  virtual Node* follow(Node& from, ErrorKind kind, const Redirect& redirect) = 0;
  /// Commands have somebody to go to.
  virtual bool available() const = 0;
  /// The node whose trouble a log line should name.
  virtual const Node& spokesman() const = 0;
  /// Tells every request that it is lost.
  virtual void stop() = 0;
};

std::unique_ptr<Directory> make_directory(const Parts& parts, const Options& options, Directory::Owner& owner);

}  // namespace sluice::redis

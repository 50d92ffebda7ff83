// One command on its way through a connection: private to the folder.
#pragma once

#include "base/chain.h"
#include "base/error.h"
#include "base/list.h"
#include "redis/reply.h"

namespace sluice::redis {

/// In one list at a time: a node's (not sent), then a link's (in flight). Whoever takes it out tells it once.
class Request : public ListHook<class RequestTag> {
 public:
  virtual void on_reply(const Reply& reply) = 0;
  /// There will be no reply. `why.progress` says whether Redis may have run it.
  virtual void on_lost(const Error& why) = 0;

  Chain bytes;              // what is still to be sent
  size_t held_bytes = 0;    // counted in the node's queue until it has been told
  bool asking = false;      // an ASKING goes in front, whose reply is nobody's

 protected:
  ~Request() = default;
};

using Requests = List<Request, RequestTag>;

}  // namespace sluice::redis

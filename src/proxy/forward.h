// Turns the client's request into the one that leaves for the upstream: rewrite, Host, forwarding fields, Via,
// request id, trace context. The same code makes the request that `sluice explain` prints.
#pragma once

#include <string_view>

#include "policy/policy.h"
#include "snapshot/snapshot.h"

namespace sluice::proxy {

struct ForwardFacts {
  const snapshot::RoutePart* route = nullptr;
  bool trusted_peer = false;          // what the peer says of other hops is kept and added to
  IpAddress peer_ip;                  // the socket's other end: added to the forwarding fields
  std::string_view request_id;
  std::string_view traceparent;
};

/// Changes call.request() in place. gives: false when the rewritten path has no normal form
bool prepare_upstream_request(const policy::Call& call, const ForwardFacts& facts);

}  // namespace sluice::proxy

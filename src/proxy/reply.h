// The responses that the gateway makes itself: problems, redirects, fixed responses, OPTIONS *.
#pragma once

#include <optional>
#include <string_view>

#include "policy/policy.h"
#include "proxy/grpc.h"
#include "server/listener_settings.h"
#include "snapshot/snapshot.h"

namespace sluice::proxy {

struct ReplyFacts {
  const policy::Call& call;
  std::string_view allow;                           // for 405
  const snapshot::RoutePart* route;                 // null before routing
  const server::ListenerSettings* listener;         // null in explain
  GrpcForm grpc = GrpcForm::none;                   // how the client is told
};

/// A head without framing, and the body; both live in the request's arena, or as long as the route.
struct Reply {
  http::Head* head = nullptr;
  std::string_view body;
};

Reply problem_reply(const ReplyFacts& facts, const http::Problem& problem);
/// What a policy answered, in the terms of gRPC. needs: facts.grpc
Reply grpc_reply(const ReplyFacts& facts, const policy::Reply& answer);
/// gives: nothing when a fact of the target is missing, or no field could hold it
std::optional<Reply> redirect_reply(const ReplyFacts& facts);
Reply fixed_reply(const ReplyFacts& facts);
/// 308 to the same path on the listener's redirect_port.
Reply https_redirect_reply(const ReplyFacts& facts);
/// 204 to "OPTIONS *" (RFC 9110 section 9.3.7): it asks about the gateway itself.
Reply options_reply(const ReplyFacts& facts);

/// Adds Strict-Transport-Security where it means something: over TLS, for a name that is not localhost or an
/// address (RFC 6797 section 8.1).
void add_hsts(const policy::Call& call, const server::ListenerSettings& listener, http::Fields& fields);

}  // namespace sluice::proxy

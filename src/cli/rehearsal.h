// One request through the very code of `run`: real codecs, a real engine and exchange; only the
// sockets are texts and the clock stands still.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "observe/registry.h"
#include "proxy/grpc.h"
#include "server/client_connection.h"
#include "snapshot/snapshot.h"

namespace sluice::cli {

struct Rehearsed {
  std::string upstream_request;            // bytes that would leave for the upstream
  std::string response;                    // bytes of a response that the gateway makes itself
  const http::Problem* refused = nullptr;  // the request is no acceptable HTTP
  const snapshot::RoutePart* route = nullptr;
  proxy::GrpcForm grpc = proxy::GrpcForm::none;
  std::optional<Duration> deadline;        // of a call
  std::string rule;   // that decided, by its name; empty: none did
  std::string match;  // see explain_match
};

/// gives: what becomes of the request text `request`, a whole head
Rehearsed rehearse(std::shared_ptr<const snapshot::Snapshot> snapshot, observe::Registry& registry,
                   const server::ClientFacts& client, std::string_view request);

}  // namespace sluice::cli

// What proxies before the gateway say of the client, in X-Forwarded-For or Forwarded (RFC 7239). Nobody is believed who
// is not trusted: that is the caller's question.
#pragma once

#include <optional>

#include "base/ip.h"
#include "http/message.h"

namespace sluice::proxy {

struct ForwardedClient {
  IpAddress ip;
  std::optional<http::Scheme> scheme;   // that it used, by the same word
};

/// gives: the rightmost address that is not a trusted proxy itself, `peer` when there is none. By X-Forwarded-For where
/// there is one, otherwise by Forwarded; a port is cut off.
ForwardedClient forwarded_client(const http::Fields& fields, const IpAddress& peer, const CidrSet& trusted);

}  // namespace sluice::proxy

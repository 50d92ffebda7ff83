// TLS over another transport, either side. What connections share is in net/tls_server_context.h
// and net/tls_client_context.h (certificates), and net/tls_io.h (buffers of the worker): an idle one holds no buffer of ours.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/chain.h"
#include "base/result.h"
#include "net/address.h"
#include "net/tls_client_context.h"
#include "net/tls_io.h"
#include "net/tls_server_context.h"
#include "net/transport.h"

namespace sluice::net {

/// Handshake messages after the handshake (key updates, attempts to renegotiate) that a connection may
/// send us: each costs a key derivation, and a busy client needs one in 300 GiB.
inline constexpr uint32_t kLateHandshakesMax = 100;

/// Server side over an accepted transport. start() begins, on_open comes when the handshake is done;
/// one that fails gives on_failed(tls_failed) with OpenSSL's reason, after its alert has been sent;
/// on_failed(client_certificate) when it is for the client's certificate.
/// `early` is what was read of the connection already (behind a PROXY protocol header).
/// `protocols`: for ALPN in wire form, in place of the context's; outlives the transport. Null: the context's.
/// needs: `io` of the transport's own worker; write() only after on_open
TransportPtr accept_tls(TlsIo& io, TransportPtr inner,
                        std::shared_ptr<const TlsServerContext> context, Chain early = {},
                        const std::string* protocols = nullptr);

struct TlsTarget {
  SocketAddress address;
  std::shared_ptr<const TlsClientContext> context;
  std::string_view server_name;   // for SNI and verification: a host name or an IP address
};

/// Begins to connect; on_open (after the handshake) or on_failed comes later, never inside the call.
/// An end without close_notify is on_failed(truncated) here, and plain on_eof on the server side.
/// errors: no socket could be made, or the server name is none
Result<TransportPtr> connect_tls(TlsIo& io, const TlsTarget& target, Transport::Events& events);

}  // namespace sluice::net

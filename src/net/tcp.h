// TCP and unix stream sockets, with one system call per read and per write.
#pragma once

#include "base/result.h"
#include "loop/loop.h"
#include "net/address.h"
#include "net/transport.h"

namespace sluice::net {

/// Begins to connect; on_open or on_failed comes later, never inside the call.
/// errors: no socket could be made
Result<TransportPtr> connect_socket(Loop& loop, const SocketAddress& to,
                                    Transport::Events& events);

/// Opens a transport over a connected stream socket (accepted ones), which must not block. Takes the descriptor.
TransportPtr adopt_socket(Loop& loop, int descriptor, bool is_unix);

}  // namespace sluice::net

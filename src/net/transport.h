// A byte pipe: plain TCP, unix socket, TLS over either, or a fake in tests. Knows no HTTP.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "base/chain.h"
#include "base/error.h"
#include "base/result.h"
#include "crypto/client_certificate.h"

namespace sluice::net {

/// What is known about the TLS session of a transport; views live as long as the transport.
struct TlsFacts {
  std::string_view version;       // "TLSv1.3"
  std::string_view cipher;
  std::string_view server_name;   // SNI, lower case; empty when none was sent
  std::string_view alpn;          // the protocol agreed on; empty when none
  bool resumed = false;           // by a ticket: no certificate was shown
  const crypto::ClientCertificate* client = nullptr;   // verified (a resumed session's: when it was made)
};

/// What a transport costs beside blocks and its owner's slab, an estimate for memory_max: net/tcp.cc's object;
/// OpenSSL's state of an idle connection.
inline constexpr size_t kSocketBytes = 64;
inline constexpr size_t kTlsBytes = 14 * 1024;

class Transport {
 public:
  /// Every call records a fact. None may destroy the transport; TransportPtr's deleter is safe at any time,
  /// in the middle of these calls too.
  class Events {
   public:
    /// Connected (and the handshake done): bytes may be written. For accepted plain sockets it never comes.
    virtual void on_open() {}
    /// Bytes valid during the call; kept by Chain::append(bytes), which holds the block.
    virtual void on_read(const Slice& bytes) = 0;
    /// The peer will send nothing more (FIN, close_notify). Writing is still possible.
    virtual void on_eof() = 0;
    /// After leave_bytes(): bytes, an end or a failure are there to be read.
    virtual void on_readable() {}
    /// After a short write: everything queued has left.
    virtual void on_writable() = 0;
    /// The queued bytes could not be written; reading may still give what the peer sent before.
    virtual void on_write_failed(Error why) = 0;
    /// Nothing can be read any more (RST, connect or handshake failed): no event follows.
    virtual void on_failed(Error why) = 0;

   protected:
    ~Events() = default;
  };

  struct Deleter {
    void operator()(Transport* transport) const { transport->destroy(); }
  };

  /// Starts reading and reporting.
  virtual void start(Events& events) = 0;
  /// Changes the receiver.
  virtual void set_events(Events& events) = 0;
  /// Hands bytes to the kernel; what it does not take now is queued and leaves later.
  /// errors: the connection cannot be written to any more (the bytes are dropped)
  virtual Result<void> write(Chain bytes) = 0;
  /// Bytes accepted by write() that the kernel has not taken yet.
  virtual size_t queued() const = 0;
  /// While paused nothing is read; a reset is then only seen by broken().
  virtual void pause_read() = 0;
  virtual void resume_read() = 0;
  virtual bool read_paused() const = 0;
  /// From now on what comes is only told of (on_readable), until take_bytes(). Told once: whoever then leaves some on
  /// the socket calls this again to be told of it in the next turn. needs: raw_socket() >= 0
  virtual void leave_bytes() {}
  virtual void take_bytes() {}
  /// Half-close: FIN (TLS: close_notify first) after what is queued.
  virtual void finish() = 0;
  /// Ends with RST where the socket can, so that the peer does not take what it got for the whole.
  virtual void abort() = 0;
  /// Asks the kernel whether the connection has failed (one system call): for paused or pooled ones.
  virtual bool broken() const = 0;
  /// Something has arrived that was not read yet (one system call).
  virtual bool input_waits() const { return false; }
  /// Output wants to be collected for the end of the turn (TLS), because each write costs a record.
  virtual bool writes_late() const { return false; }
  /// The socket for splice; -1 when bytes are transformed.
  virtual int raw_socket() const { return -1; }
  virtual TlsFacts tls() const { return {}; }
  virtual bool is_tls() const { return false; }

 protected:
  ~Transport() = default;
  /// Closes what is open and frees the object when it is safe.
  virtual void destroy() = 0;
};

using TransportPtr = std::unique_ptr<Transport, Transport::Deleter>;

}  // namespace sluice::net

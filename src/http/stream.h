// One request/response pair: the same interface for every HTTP version and for both sides.
#pragma once

#include <cstddef>

#include "base/arena.h"
#include "base/chain.h"
#include "base/error.h"
#include "http/message.h"
#include "http/problem.h"

namespace sluice::http {

/// Body bytes that lie verbatim on the wire, so that they may be moved from socket to socket without being
/// read (splice). The socket is -1 where that cannot be: TLS, chunks, HTTP/2, no body.
struct RawRun {
  uint64_t bytes = 0;
  int socket = -1;
};

class Stream;

/// What arrives on a Stream. Every call records a fact; none may destroy the stream.
class StreamEvents {
 public:
  /// Where the heads and trailers of this stream are kept.
  virtual Arena& arena() = 0;
  virtual void on_head(Head& head) = 0;
  virtual void on_informational(Head& head) = 0;
  /// The receiver gives the bytes back with Stream::consume once they need no more room.
  virtual void on_body(Chain bytes) = 0;
  /// Between begin_raw and end_raw: the socket of raw_run() has something to move, or has ended.
  virtual void on_raw() {}
  virtual void on_trailers(Fields& trailers) = 0;
  /// The message is complete. Comes exactly once, after head, body and trailers, unless on_reset came.
  virtual void on_end() = 0;
  /// credit() has risen from zero.
  virtual void on_credit() = 0;
  /// The stream is gone: no event follows and nothing can be sent.
  virtual void on_reset(Error why) = 0;
  /// Server side only: what arrived is no acceptable message. `head` holds what could be read of it, or is
  /// the head delivered before. No further event but on_credit and on_reset; a reply can still be sent.
  virtual void on_refused(const Problem& problem, Head& head) = 0;

 protected:
  ~StreamEvents() = default;
};

class Stream {
 public:
  virtual ~Stream() = default;
  virtual void send_informational(const Head& head) = 0;   // 1xx, any number before the head
  virtual void send_head(const Head& head, End end) = 0;
  virtual void send_body(Chain bytes, End end) = 0;        // needs bytes.size() <= credit()
  virtual void send_trailers(const Fields& trailers) = 0;  // ends the stream
  /// Bytes that the peer will take now.
  virtual size_t credit() const = 0;
  /// Opens the sender's window again.
  virtual void consume(size_t bytes) = 0;

  // Bodies that are moved by the caller, who reads and writes the sockets himself (proxy/pump.h).

  /// What is still to come of the body; nothing else may be taken off that socket.
  virtual RawRun raw_run() { return {}; }
  /// What may be put on the socket now; with no bytes but a socket, on_credit tells when.
  virtual RawRun raw_room() { return {}; }
  /// From now on the body is not read: on_raw comes instead of on_body, once for what has arrived. Whoever then leaves
  /// some on the socket, although it could be moved, calls this again to be told of it in the next turn.
  virtual void begin_raw() {}
  /// Back to on_body. Comes by itself with the last byte of the body.
  virtual void end_raw() {}
  /// The caller has moved bytes of raw_run(). They count as delivered: consume() gives them back, and while
  /// some are missing no further ones are told of. on_end comes with the last.
  virtual void raw_taken(uint64_t) {}
  /// Some of what raw_taken() told of cannot go on now: until it is consumed, nothing is told of, and the sender is not late.
  virtual void hold_raw() {}
  /// The caller has moved bytes into raw_room(). The end is still to be sent.
  virtual void raw_sent(uint64_t) {}
  /// Client side: a request whose head names an `upgrade` may be sent here. Not on a connection to an HTTP/2 server that
  /// has not offered it (RFC 8441).
  virtual bool takes_tunnels() const { return true; }
  /// After the head that agrees to an `upgrade` was sent or has come: both ways carry bytes of another protocol from now
  /// on, each until its own end (send_body with End::yes; on_end). `events` hears of the stream in place of its receiver
  /// so far; what came behind the head and was not told yet is told in this call.
  virtual void begin_tunnel(StreamEvents&) {}
  /// Idempotent; no event follows.
  virtual void reset(Error why) = 0;
  /// The receiver has no more use for the stream: no event follows, `events` is forgotten. What was sent is
  /// still delivered; an unfinished message ends the connection.
  virtual void detach() = 0;
};

/// Makes the receiver of a new request (server side).
class StreamAcceptor {
 public:
  virtual StreamEvents& accept(Stream& stream) = 0;

 protected:
  ~StreamAcceptor() = default;
};

}  // namespace sluice::http

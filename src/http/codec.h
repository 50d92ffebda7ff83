// Between a connection and its streams: bytes in, StreamEvents out, and the other way round. A codec knows no
// socket; the Wire it asks for things is wire/connection.h in the product and a byte string in tests.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/chain.h"
#include "base/clock.h"
#include "base/error.h"
#include "http/stream.h"

namespace sluice::http {

/// What the codec waits for from the peer; each has its own deadline.
enum class Phase : uint8_t {
  none,   // nothing is due (a response is under way)
  idle,   // the first byte of a message
  head,   // the rest of a head
  body,   // more of a body
  streams,   // more of some of several messages: the codec is asked every now and then which of them are late
  last,   // the first byte of a message that may be on its way while we drain: a moment
};

/// How a connection ends.
enum class Finish : uint8_t {
  flush,    // after what is queued has left
  linger,   // the same, but half-close and discard what still arrives, so that the peer reads our answer
  hear_out, // as linger, however much arrives: of a client that may read only when it has sent its request
  dismiss,  // as linger, but far less is discarded: of a peer that floods us
  abort,    // at once, with RST: what was sent is not whole
};

/// What a codec asks of its connection.
class Wire {
 public:
  virtual BlockPool& blocks() = 0;
  /// Queues bytes; they leave at the end of the drain or of the turn.
  virtual void output(Chain bytes) = 0;
  /// Bytes that may still be queued.
  virtual size_t output_room() const = 0;
  /// Bytes handed to the kernel so far.
  virtual uint64_t bytes_written() const = 0;
  virtual void pause_input() = 0;
  virtual void resume_input() = 0;
  virtual void expect(Phase phase) = 0;
  /// Nothing more is output: the peer is told so (half-close) after what is queued, and may still send.
  virtual void end_output() {}
  /// Something has arrived that feed() was not given yet.
  virtual bool input_waits() const = 0;
  virtual void finish(Finish how) = 0;
  /// The loop's cached clock.
  virtual TimePoint now() const = 0;

  // For bodies that are moved by their receiver, who reads and writes the socket himself.

  /// -1 when bytes on it are not the bytes of the body.
  virtual int raw_socket() const { return -1; }
  /// Nothing is queued: the next bytes on the socket may be somebody else's.
  virtual bool output_clear() const { return false; }
  /// What is queued leaves at the end of the drain, not of the turn.
  virtual void hurry_output() {}
  /// Input is left on the socket, Codec::on_readable tells of it; until read_input().
  virtual void leave_input() {}
  virtual void read_input() {}
  /// Bytes that were moved past the wire.
  virtual void raw_read(uint64_t) {}
  virtual void raw_written(uint64_t) {}

  /// Client side: the stream is over and another may be opened here.
  virtual void available() = 0;

 protected:
  ~Wire() = default;
};

class Codec {
 public:
  virtual ~Codec() = default;
  /// Takes all of the bytes (valid during the call; kept by holding the block).
  virtual void feed(const Slice& bytes) = 0;
  virtual void on_eof() = 0;
  /// After Wire::leave_input(): bytes, an end or a failure are there to be read.
  virtual void on_readable() {}
  /// The transport is gone; resets what is under way.
  virtual void on_failed(Error why) = 0;
  /// Writing failed, reading may go on.
  virtual void on_write_failed(Error why) = 0;
  /// output_room() has risen from zero.
  virtual void on_room() = 0;
  /// The deadline of the phase has passed.
  virtual void on_timeout(Phase phase) = 0;
  /// Finish what is under way, take nothing new.
  virtual void drain() = 0;
};

/// Most bytes held for somebody who may not take them yet; then reading stops.
inline constexpr size_t kHeldBytesMax = 64 * 1024;   // one read buffer

/// Bodies up to this are copied behind their head: cheaper than a second slice for the kernel.
inline constexpr size_t kPackedMax = 2 * 1024;

}  // namespace sluice::http

// Between a connection and its streams: bytes in, StreamEvents out, and the other way round. A codec knows no
// socket; the Wire it asks for things is wire/connection.h in the product and a byte string in tests.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/chain.h"
#include "base/error.h"
#include "http/stream.h"

namespace sluice::http {

/// What the codec waits for from the peer; each has its own deadline.
enum class Phase : uint8_t {
  none,   // nothing is due (a response is under way)
  idle,   // the first byte of a message
  head,   // the rest of a head
  body,   // more of a body
};

/// How a connection ends.
enum class Finish : uint8_t {
  flush,    // after what is queued has left
  linger,   // the same, but half-close and discard what still arrives, so that the peer reads our answer
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
  virtual void finish(Finish how) = 0;
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

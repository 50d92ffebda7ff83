// HTTP/1 on one connection: the server side (requests come in) and the client side (requests go out). One
// stream at a time; the codec is that Stream. Pipelined requests wait in the codec.
#pragma once

#include <memory>

#include "base/clock.h"

#include "http/codec.h"
#include "http/h1_parser.h"
#include "http/h1_writer.h"

namespace sluice::http {

inline constexpr Problem kRequestTimeout{408, "request_timeout", "Request Timeout",
    "The request did not arrive whole within the time that the listener allows.", true};
inline constexpr Problem kIncompleteBody{400, "incomplete_body", "Incomplete Body",
    "The connection ended before the request body had its announced length.", true};
inline constexpr const Problem* kH1CodecProblems[] = {&kRequestTimeout, &kIncompleteBody};

/// Interim responses that an upstream may send before its final one.
inline constexpr int kInformationalMax = 32;   // far above use (100, 102, 103); below a flood

/// What both sides share: reading a body by length, chunks or to the end, and writing one.
class H1Stream : public Codec, public Stream {
 public:
  ~H1Stream() override;

  void send_body(Chain bytes, End end) override;
  void send_trailers(const Fields& trailers) override;
  size_t credit() const override;
  void consume(size_t bytes) override;
  RawRun raw_run() override;
  RawRun raw_room() override;
  void begin_raw() override;
  void end_raw() override;
  void raw_taken(uint64_t bytes) override;
  void hold_raw() override;
  void raw_sent(uint64_t bytes) override;
  void on_room() override;
  void on_readable() override;

 protected:
  enum class Reading : uint8_t {
    idle,       // between messages
    head,       // some bytes of a head are here
    length,     // left_ body bytes to come
    chunks,
    trailers,
    to_close,
    tunnel,     // bytes of another protocol
    done,       // the message is complete
    discard,    // nobody wants what comes
  };
  enum class Writing : uint8_t { nothing, length, chunks, to_close, done };

  H1Stream(Wire& wire, const H1Limits& limits) : wire_(&wire), limits_(&limits) {}

  /// A head that did not come in one piece.
  struct Partial {
    HeadScanner scanner;
    BlockRef block;
    size_t used = 0;
  };
  enum class Block : uint8_t { whole, incomplete, refused };
  /// Finds one head or trailer block at the start of `bytes`.
  /// gives: whole: `block` views it, bytes moved past it; incomplete: all taken; refused: `problem` is set
  Block take_block(HeadScanner::Kind kind, Slice& bytes, std::string_view& block, const Problem*& problem);
  bool partial_started() const { return partial_ && partial_->scanner.started(); }

  /// Begins to read a body as the head declares it. gives: false when there is none
  bool begin_body(const Head& head);
  /// Reads body bytes and trailers; on_end is sent here.
  void read_body(Slice& bytes);
  /// Whose messages are read.
  virtual Side peer() const = 0;
  /// The message is complete.
  virtual void message_read() = 0;
  virtual void message_bad(const Problem& problem) = 0;
  void begin_writing(const Head& head, End end, bool body_allowed, bool chunks_allowed, H1Framing& framing);

  /// What both sides' begin_tunnel() do first.
  void enter_tunnel(StreamEvents& events);
  /// Stops reading when `held` bytes wait for somebody: more than 64 KiB, or any while memory is short.
  void pause_above(size_t held);
  void pause();

  Wire* wire_;
  const H1Limits* limits_;
  StreamEvents* events_ = nullptr;
  uint64_t left_ = 0;               // body bytes to read
  uint64_t write_left_ = 0;         // body bytes to write
  ChunkDecoder* chunks_ = nullptr;  // in the arena of events_
  std::unique_ptr<Partial> partial_;
  size_t unconsumed_ = 0;
  Reading reading_ = Reading::idle;
  Writing writing_ = Writing::nothing;
  bool paused_ : 1 = false;
  bool raw_ : 1 = false;            // the body is moved, not read
  bool tunnel_ : 1 = false;         // begin_tunnel() was called
  mutable bool blocked_ : 1 = false;   // credit() was 0 when last asked
  bool eof_ : 1 = false;
  bool draining_ : 1 = false;
  bool finished_ : 1 = false;       // the connection ends: nothing more is read

 private:
  void read_chunks(Slice& bytes);
  void read_trailers(Slice& bytes);
  void deliver(Slice bytes);
};

class H1ServerCodec final : public H1Stream {
 public:
  H1ServerCodec(Wire& wire, StreamAcceptor& acceptor, const H1Limits& limits)
      : H1Stream(wire, limits), acceptor_(&acceptor) {}

  void send_informational(const Head& head) override;
  void send_head(const Head& head, End end) override;
  void begin_tunnel(StreamEvents& events) override;
  void reset(Error why) override;
  void detach() override;

  void feed(const Slice& bytes) override;
  void on_eof() override;
  void on_failed(Error why) override;
  void on_write_failed(Error why) override;
  void on_timeout(Phase phase) override;
  void drain() override;

 private:
  void process();
  bool read_head(Slice& bytes);
  void refuse(const Problem& problem);
  Side peer() const override { return Side::client; }
  void message_read() override;
  void message_bad(const Problem& problem) override { refuse(problem); }
  /// When what we say has been said.
  Finish usual_end() const;

  StreamAcceptor* acceptor_;
  Chain held_;                      // pipelined bytes
  Head* head_ = nullptr;            // of the request under way, in its arena
  bool keep_alive_ : 1 = true;
  bool head_sent_ : 1 = false;
  bool refused_ : 1 = false;
  bool takes_chunks_ : 1 = true;    // the client speaks 1.1
  bool head_request_ : 1 = false;   // HEAD
  bool asked_ : 1 = false;          // a request has come on this connection
};

class H1ClientCodec final : public H1Stream {
 public:
  H1ClientCodec(Wire& wire, const H1Limits& limits) : H1Stream(wire, limits) {}

  /// Begins a request/response pair. needs: free()
  Stream& open(StreamEvents& events);
  /// How long the other side keeps this connection idle, by its last Keep-Alive field, less a second for the
  /// request that is already on its way when it closes.
  Duration idle_patience() const { return idle_patience_; }
  bool free() const { return events_ == nullptr && !finished_ && reading_ == Reading::idle; }

  void send_informational(const Head&) override {}
  void send_head(const Head& head, End end) override;
  void begin_tunnel(StreamEvents& events) override;
  void reset(Error why) override;
  void detach() override;

  void feed(const Slice& bytes) override;
  void on_eof() override;
  void on_failed(Error why) override;
  void on_write_failed(Error why) override;
  void on_timeout(Phase phase) override;
  void drain() override;

 private:
  bool read_head(Slice& bytes);
  void fail(Error why);
  void fail_head(const Error& why);
  Side peer() const override { return Side::upstream; }
  void message_read() override;
  void message_bad(const Problem& problem) override;

  uint64_t written_before_ = 0;     // bytes on this connection before this request
  Progress progress() const;

  Duration idle_patience_ = Duration::max();
  Method method_ = Method::unknown;
  uint8_t informational_ = 0;
  bool keep_alive_ : 1 = true;
  bool answered_ : 1 = false;       // a byte of the response has come
  bool upgrades_ : 1 = false;       // the request asked for another protocol
};

}  // namespace sluice::http

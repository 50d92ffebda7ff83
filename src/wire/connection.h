// One socket with a codec on top, either side: flushing, deadlines, and the ways to end. Holds no protocol
// and no policy. Lives inside its owner's object, which on_gone() may destroy.
#pragma once

#include <algorithm>

#include "base/clock.h"
#include "http/codec.h"
#include "loop/loop.h"
#include "net/transport.h"

namespace sluice::wire {

/// Deadlines of a connection; kNever-like durations are not allowed: everything ends.
struct Timeouts {
  Duration idle = std::chrono::seconds(60);     // between messages
  Duration header = std::chrono::seconds(10);   // from a head's first byte to its last
  Duration body = std::chrono::seconds(30);     // between two pieces of a body
  Duration write = std::chrono::seconds(30);    // between two pieces that the peer takes
  Duration linger = std::chrono::seconds(30);   // behind the last message, for what the peer still sends
};

inline constexpr Duration kDrainGrace = std::chrono::seconds(1);   // a request may be on its way when draining begins
inline constexpr int kLateParts = 4;                                // looks at late streams within their patience
inline constexpr Duration kStreamsLook = std::chrono::seconds(5);   // but at least as often: some of them linger
inline constexpr size_t kOutputMax = 256 * 1024;                    // queued for a peer that takes everything
inline constexpr size_t kFlushSoon = 64 * 1024;                    // above it the turn's end is too far away
inline constexpr size_t kLingerBytesMax = 1024 * 1024;
inline constexpr size_t kDismissBytesMax = 16 * 1024;               // of a flood, whose price is the taking
inline constexpr Duration kLingerSilenceMax = std::chrono::seconds(5);   // and in all, once draining has begun
inline constexpr Duration kLivenessEvery = std::chrono::milliseconds(500);   // a reset is unseen while paused

class Connection final : public http::Wire,
                         public net::Transport::Events,
                         private Flushable,
                         private Deferred,
                         private Timer::Owner {
 public:
  class Owner {
   public:
    /// The transport is ready for bytes (connected, handshake done).
    virtual void on_open() {}
    /// Connecting or the handshake failed; on_gone follows.
    virtual void on_open_failed(Error) {}
    /// Client side: the codec is free for another request.
    virtual void on_available() {}
    /// Nothing refers to the connection any more: the owner destroys it (the last thing this call does).
    virtual void on_gone() = 0;

   protected:
    ~Owner() = default;
  };

  Connection(Loop& loop, http::Codec& codec, Owner& owner, const Timeouts& timeouts)
      : loop_(&loop), codec_(&codec), owner_(&owner), timeouts_(&timeouts) {}
  Connection(const Connection&) = delete;
  virtual ~Connection() = default;

  /// Takes an open transport (accepted, or adopted) and starts reading.
  void start(net::TransportPtr transport, http::Phase phase);
  /// The same for a transport that begins with a handshake, which must be over within timeouts.header; then
  /// the first message is waited for.
  void start_handshake(net::TransportPtr transport);
  /// Takes a transport that is still connecting and reports to this object already.
  void start_connecting(net::TransportPtr transport);
  /// Another protocol from here on. `codec` is to outlive the connection, as the one before.
  void set_codec(http::Codec& codec) { codec_ = &codec; }
  void drain();
  /// Since when bytes have waited here without a break, for the peer to take them or to be read from it. kNever: none
  TimePoint slow_since() const { return std::min(write_waits_since_, paused_since_); }
  /// Ends at once, telling the codec (worker shutdown).
  void fail(Error why) { if (!dead_) codec_->on_failed(why); }

  const net::Transport* transport() const { return transport_.get(); }
  bool ending() const { return dead_ || ending_; }
  uint64_t bytes_read() const { return bytes_read_; }

  // http::Wire
  BlockPool& blocks() override { return loop_->blocks(); }
  void output(Chain bytes) override;
  size_t output_room() const override;
  uint64_t bytes_written() const override;
  void pause_input() override;
  void resume_input() override;
  void expect(http::Phase phase) override;
  void end_output() override;
  void finish(http::Finish how) override;
  TimePoint now() const override { return loop_->clock().now(); }
  bool input_waits() const override { return transport_ && transport_->input_waits(); }
  void available() override { owner_->on_available(); }
  int raw_socket() const override { return dead_ || ending_ ? -1 : transport_->raw_socket(); }
  bool output_clear() const override { return !dead_ && output_.empty() && transport_->queued() == 0; }
  void hurry_output() override { if (!dead_ && !output_.empty()) loop_->scheduler().flush_soon(*this); }
  void leave_input() override { if (!dead_) transport_->leave_bytes(); }
  void read_input() override { if (!dead_) transport_->take_bytes(); }
  void raw_read(uint64_t bytes) override;
  void raw_written(uint64_t bytes) override { bytes_submitted_ += bytes; }

  // net::Transport::Events
  void on_open() override;
  void on_read(const Slice& bytes) override;
  void on_eof() override;
  void on_readable() override { if (!dead_) codec_->on_readable(); }
  void on_writable() override;
  void on_write_failed(Error why) override;
  void on_failed(Error why) override;

 private:
  void flush() override;
  void release() override { owner_->on_gone(); }
  void on_timer(Timer& timer) override;
  void arm(TimePoint deadline);
  void flushed();
  void begin_linger();
  void die();

  Loop* loop_;
  http::Codec* codec_;
  Owner* owner_;
  const Timeouts* timeouts_;
  net::TransportPtr transport_;
  Chain output_;
  uint64_t bytes_submitted_ = 0;
  uint64_t bytes_read_ = 0;
  Timer timer_;
  TimePoint read_deadline_ = kNever;
  TimePoint write_deadline_ = kNever;   // while lingering, when nothing is written: the end of that, whatever comes
  TimePoint write_waits_since_ = kNever;
  TimePoint paused_since_ = kNever;
  uint32_t queued_before_ = 0;      // at the last look: has the peer taken something since?
  uint32_t lingered_bytes_ = 0;
  http::Phase phase_ = http::Phase::none;
  http::Finish how_ = http::Finish::flush;
  bool connecting_ : 1 = false;
  bool paused_ : 1 = false;
  bool eof_ : 1 = false;            // the peer sends nothing more
  bool ending_ : 1 = false;         // finish() was called
  bool lingering_ : 1 = false;
  bool draining_ : 1 = false;
  bool dead_ : 1 = false;
};

}  // namespace sluice::wire

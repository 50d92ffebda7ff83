// Moves body bytes one way, by credit: what the receiver does not take yet is held (64 KiB at most, then the
// sender's reading stops, because nothing is consumed). Two Pumps make a request. Large bodies from plain
// socket to plain socket are not read at all (proxy/splice.h).
#pragma once

#include "base/chain.h"
#include "http/stream.h"
#include "policy/policy.h"
#include "proxy/splice.h"

namespace sluice::proxy {

class Pump {
 public:
  /// What run() found.
  enum class State : uint8_t { open, done, refused };

  /// From now on bytes go to `to`. May be called again after rewind(), with another stream.
  void start(http::Stream* from, http::Stream& to, policy::BodyFilter* filters);
  /// The receiver has gone: bytes are dropped, so that the sender may finish.
  void discard();
  /// The receiver's stream is gone: nothing is sent before start() or dropped before discard().
  void forget_receiver() { to_ = nullptr; }
  /// The sender's stream is given back: what is held needs no room there any more.
  void forget_source() { from_ = nullptr; }
  /// The message had no body: nothing is left to do.
  void finish_empty() { done_ = true; }
  bool holds() const { return !held_.empty() || !out_.empty() || (splice_ && splice_->held() > 0); }
  bool started() const { return to_ != nullptr; }

  // Facts from the sender.
  void push(Chain bytes) { held_.append(std::move(bytes)); }
  void end() { ended_ = true; }
  /// What was pushed and goes another way; the taker consumes it.
  Chain take_held() { return std::move(held_); }
  void trailers(http::Fields& fields) { trailers_ = fields.empty() ? nullptr : &fields; }
  /// Those that came; null: none.
  http::Fields* trailers() const { return trailers_; }

  /// Moves what can be moved, large plain bodies through one of the pipes.
  /// gives: refused when a filter did (see problem())
  State run(BlockPool& blocks, net::SharedPipes* pipes = nullptr);
  const http::Problem& problem() const { return *problem_; }

  /// Everything the sender sends has come and is here: the head may say so.
  bool empty_message() const { return ended_ && held_.empty() && trailers_ == nullptr; }
  bool ended() const { return ended_; }
  bool done() const { return done_; }
  uint64_t bytes() const { return bytes_; }
  /// Bytes that came past push(), through a pipe.
  uint64_t spliced() const { return spliced_; }

  /// Keeps what is sent, up to http::kHeldBytesMax, so that it may be sent again.
  void keep_replay() { replaying_ = true; }
  void drop_replay();
  bool replayable() const { return replaying_ || taken_ == 0; }
  /// Back to the first byte. needs: replayable()
  void rewind();
  /// Frees all blocks.
  void clear();

 private:
  State drop_held();
  bool may_splice() const;
  State splice(BlockPool& blocks);
  State take(size_t bytes, BlockPool& blocks);
  void send(size_t credit);
  State filter(Chain& bytes, http::End end);
  void remember(const Chain& bytes, BlockPool& blocks);

  http::Stream* from_ = nullptr;
  http::Stream* to_ = nullptr;
  policy::BodyFilter* filters_ = nullptr;
  const http::Problem* problem_ = nullptr;
  http::Fields* trailers_ = nullptr;
  Chain held_;             // as it came
  Chain out_;              // has passed the filters, which may have made more of it than the receiver takes
  Chain replay_;           // as it came, so that a second try has its own filters
  size_t replayed_ = 0;    // first bytes of held_ that were consumed before
  uint64_t taken_ = 0;     // bytes that left held_
  uint64_t bytes_ = 0;     // bytes sent
  uint64_t spliced_ = 0;
  std::unique_ptr<Splice> splice_;
  bool ended_ = false;
  bool filtered_end_ = false;   // the filters have seen the end
  bool done_ = false;
  bool discarding_ = false;
  bool replaying_ = false;
  bool splice_refused_ = false;
};

}  // namespace sluice::proxy

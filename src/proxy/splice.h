// Moves one body from socket to socket through a kernel pipe: the Pump's way for large plain bodies that no
// filter wants to see. Fills the pipe only while the receiver takes everything; bytes that it does not take
// wait in the pipe, and the sender is not told to go on.
#pragma once

#include <memory>

#include "http/stream.h"
#include "net/pipe.h"

namespace sluice::proxy {

class Splice {
 public:
  static constexpr uint64_t kBytesMin = 256 * 1024;   // below it the calls cost more than the copies
  static constexpr uint64_t kTurnBytes = 1024 * 1024;   // then another connection has its turn

  enum class State : uint8_t {
    open,    // on_raw or on_credit will tell
    over,    // the body has ended, or goes on the ordinary way: finish() comes next
  };

  /// Begins when both sides can and enough is left; `refused` is set when it is no use to ask again.
  /// gives: null when the ordinary way is to be taken (for now)
  static std::unique_ptr<Splice> begin(http::Stream& from, http::Stream& to, net::SharedPipes& pipes,
                                       bool& refused);
  ~Splice();

  /// What one run moved.
  struct Moved {
    uint64_t taken = 0;   // from the sender
    uint64_t sent = 0;    // to the receiver
  };
  /// `from` is null once the sender's stream has been given back.
  State run(http::Stream* from, http::Stream& to, BlockPool& blocks, Moved& moved);
  /// Bytes on their way.
  size_t held() const { return pipe_->size(); }
  /// Back to the ordinary way. gives: what is still in the pipe, delivered and not yet consumed
  Chain finish(http::Stream* from, BlockPool& blocks);
  /// Gives up: the sender may go on, what is in the pipe is lost.
  void abandon(http::Stream* from);

 private:
  explicit Splice(net::SharedPipes& pipes) : pipes_(&pipes) {}
  enum class Push : uint8_t { all, blocked, impossible };
  Push push(http::Stream& to, BlockPool& blocks, Moved& moved);
  void settle(http::Stream* from);

  net::SharedPipes* pipes_;
  std::unique_ptr<net::Pipe> pipe_;
  uint64_t owed_ = 0;   // taken and not consumed yet
};

}  // namespace sluice::proxy

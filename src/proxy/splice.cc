#include "proxy/splice.h"

#include <algorithm>

#include "base/check.h"

namespace sluice::proxy {
namespace {

// Read out of the pipe and queued as any output when the receiver's socket is full: its leaving tells when
// there is room again.
constexpr size_t kProbeBytes = 4 * 1024;   // one page

}  // namespace

std::unique_ptr<Splice> Splice::begin(http::Stream& from, http::Stream& to, net::SharedPipes& pipes,
                                      bool& refused) {
  http::RawRun run = from.raw_run();
  if (run.socket < 0 || run.bytes < kBytesMin) {
    refused = true;
    return nullptr;
  }
  http::RawRun room = to.raw_room();
  refused = room.socket < 0;
  if (room.bytes == 0) return nullptr;
  std::unique_ptr<Splice> made(new Splice(pipes));
  made->pipe_ = pipes.take();
  if (made->pipe_ == nullptr) {
    refused = true;
    return nullptr;
  }
  from.begin_raw();
  return made;
}

Splice::~Splice() {
  if (pipe_) pipes_->give(std::move(pipe_));
}

Splice::State Splice::run(http::Stream* from, http::Stream& to, BlockPool& blocks, Moved& moved) {
  while (true) {
    if (Push pushed = push(to, blocks, moved); pushed != Push::all) {
      if (pushed == Push::impossible) return State::over;
      // What else has come may wait on the socket without a sign: the sender is not late, we do not look.
      if (from) from->hold_raw();
      return State::open;
    }
    http::RawRun run = from ? from->raw_run() : http::RawRun{};
    http::RawRun room = run.bytes > 0 ? to.raw_room() : http::RawRun{};
    if (room.socket < 0) return State::over;      // the body has ended, or the receiver takes no more this way
    if (room.bytes == 0) return State::open;
    settle(from);
    if (moved.taken >= kTurnBytes) {
      from->begin_raw();   // on_raw comes again
      return State::open;
    }
    net::Pipe::Fill filled = pipe_->fill_from(run.socket, std::min(run.bytes, room.bytes));
    if (filled == net::Pipe::Fill::nothing) return State::open;
    if (filled == net::Pipe::Fill::ended) return State::over;   // reading shows how
    moved.taken += pipe_->size();
    owed_ += pipe_->size();
    from->raw_taken(pipe_->size());
  }
}

// Sends what is in the pipe. gives: all when it is empty
Splice::Push Splice::push(http::Stream& to, BlockPool& blocks, Moved& moved) {
  if (pipe_->size() == 0) return Push::all;
  http::RawRun room = to.raw_room();
  if (room.socket < 0) return Push::impossible;
  if (room.bytes == 0) return Push::blocked;
  size_t poured = pipe_->pour_into(room.socket);
  to.raw_sent(poured);
  moved.sent += poured;
  if (pipe_->size() == 0) return Push::all;
  Chain probe;
  pipe_->read(blocks, kProbeBytes, probe);
  moved.sent += probe.size();
  to.send_body(std::move(probe), http::End::no);
  (void)to.raw_room();   // asked, so that on_credit tells when it has left
  return Push::blocked;
}

void Splice::settle(http::Stream* from) {
  if (from && owed_ > 0) from->consume(owed_);
  owed_ = 0;
}

Chain Splice::finish(http::Stream* from, BlockPool& blocks) {
  Chain rest;
  while (pipe_->size() > 0) pipe_->read(blocks, BlockPool::kMedium, rest);
  owed_ -= rest.size();
  settle(from);
  if (from) from->end_raw();
  return rest;
}

void Splice::abandon(http::Stream* from) {
  settle(from);
  if (from) from->end_raw();
}

}  // namespace sluice::proxy

#include "wire/connection.h"

#include <algorithm>

namespace sluice::wire {

using http::Finish;
using http::Phase;

void Connection::start(net::TransportPtr transport, Phase phase) {
  transport_ = std::move(transport);
  expect(phase);
  transport_->start(*this);
}

void Connection::start_handshake(net::TransportPtr transport) {
  transport_ = std::move(transport);
  connecting_ = true;
  expect(Phase::head);
  transport_->start(*this);
}

void Connection::start_connecting(net::TransportPtr transport) {
  transport_ = std::move(transport);
  connecting_ = true;
}

void Connection::output(Chain bytes) {
  if (dead_) return;
  output_.append(std::move(bytes));
  bool large = output_.size() >= kFlushSoon && !transport_->writes_late();
  if (large) {
    loop_->scheduler().flush_soon(*this);
  } else if (!flush_pending()) {
    loop_->scheduler().flush_late(*this);
  }
}

size_t Connection::output_room() const {
  if (dead_ || transport_->queued() > 0) return 0;   // a slow peer gets no more until it has taken all
  return kOutputMax - std::min(kOutputMax, output_.size());
}

uint64_t Connection::bytes_written() const {
  return bytes_submitted_ - (transport_ ? transport_->queued() : 0);
}

void Connection::flush() {
  if (dead_ || output_.empty()) return;
  size_t bytes = output_.size();
  Result<void> written = transport_->write(std::move(output_));
  if (!written) {
    if (written.error().progress == Progress::sent) bytes_submitted_ += 1;   // not unsent any more: never repeated
    return on_write_failed(written.error());
  }
  bytes_submitted_ += bytes;
  flushed();
}

void Connection::flushed() {
  if (lingering_) return;   // a close_notify
  size_t queued = transport_->queued();
  if (queued == 0) {
    write_deadline_ = write_waits_since_ = kNever;
    if (!ending_) return codec_->on_room();
    if (!output_.empty()) return;
    if (how_ != Finish::flush) return begin_linger();
    if (transport_->is_tls()) transport_->finish();
    return die();
  }
  queued_before_ = static_cast<uint32_t>(queued);
  if (write_deadline_ != kNever) return;
  write_waits_since_ = now();
  arm(write_deadline_ = write_waits_since_ + timeouts_->write);
}

void Connection::on_writable() {
  if (!dead_) flushed();
}

void Connection::on_write_failed(Error why) {
  if (dead_) return;
  write_deadline_ = kNever;
  output_.clear();
  if (ending_) return die();
  codec_->on_write_failed(why);
}

void Connection::pause_input() {
  if (dead_ || paused_) return;
  paused_ = true;
  paused_since_ = now();
  read_deadline_ = kNever;   // we do not take: the peer cannot be late
  transport_->pause_read();
  arm(now() + kLivenessEvery);
}

void Connection::resume_input() {
  if (dead_ || !paused_) return;
  paused_ = false;
  paused_since_ = kNever;
  transport_->resume_read();
  expect(phase_);
}

void Connection::expect(Phase phase) {
  phase_ = phase;
  if (paused_ || dead_) return;
  switch (phase) {
    case Phase::none: read_deadline_ = kNever; return;
    case Phase::idle: read_deadline_ = now() + timeouts_->idle; break;
    case Phase::head: read_deadline_ = now() + timeouts_->header; break;
    case Phase::body: read_deadline_ = now() + timeouts_->body; break;
    case Phase::streams: read_deadline_ = now() + std::min({timeouts_->body / kLateParts, timeouts_->write / kLateParts, kStreamsLook}); break;
    case Phase::last: read_deadline_ = now() + kDrainGrace; break;
  }
  arm(read_deadline_);
}

// The one timer serves every deadline: it never runs later than the earliest of them.
void Connection::arm(TimePoint deadline) {
  if (timer_.active() && timer_.deadline() <= deadline) return;
  timer_.start(loop_->timers(), deadline, *this);
}

void Connection::on_timer(Timer&) {
  if (dead_) return;
  TimePoint at = now();
  if (lingering_ && std::min(read_deadline_, write_deadline_) <= at) return die();
  if (paused_) {
    if (transport_->broken()) {
      if (ending_) return die();
      codec_->on_failed(Error{Code::reset, Side::gateway, Progress::sent, "reset while paused"});
      if (dead_) return;
    }
    arm(at + kLivenessEvery);
  }
  if (write_deadline_ <= at) {
    auto queued = static_cast<uint32_t>(transport_->queued());
    if (queued >= queued_before_) {
      if (ending_) return die();
      return codec_->on_failed(Error{Code::stalled, Side::gateway, Progress::sent, "peer takes no bytes"});
    }
    queued_before_ = queued;
    write_deadline_ = at + timeouts_->write;
  }
  if (read_deadline_ <= at) {
    read_deadline_ = kNever;
    if (connecting_) return on_failed(Error{Code::timeout, Side::gateway, Progress::unsent, "no handshake in time"});
    codec_->on_timeout(phase_);
    if (dead_) return;
  }
  if (TimePoint next = std::min(read_deadline_, write_deadline_); next != kNever) arm(next);
}

void Connection::drain() {
  draining_ = true;
  if (lingering_) write_deadline_ = std::min(write_deadline_, now() + kLingerSilenceMax);
  if (!dead_) codec_->drain();
}

void Connection::end_output() {
  flush();
  if (!dead_ && !ending_) transport_->finish();
}

void Connection::finish(Finish how) {
  if (dead_ || (ending_ && how != Finish::abort)) return;
  ending_ = true;
  how_ = how;
  if (transport_) transport_->take_bytes();   // nobody moves them any more
  if (how == Finish::abort) {
    output_.clear();
    if (transport_) transport_->abort();
    return die();
  }
  read_deadline_ = kNever;
  phase_ = Phase::none;
  if (output_.empty() && transport_->queued() == 0) flushed();
}

void Connection::begin_linger() {
  lingering_ = true;
  transport_->finish();
  if (eof_) return die();   // the peer has sent all that it ever will
  paused_ = false;
  paused_since_ = kNever;
  transport_->resume_read();
  write_deadline_ = now() + (draining_ ? std::min(kLingerSilenceMax, timeouts_->linger) : timeouts_->linger);
  read_deadline_ = std::min(now() + kLingerSilenceMax, write_deadline_);
  arm(read_deadline_);
}

void Connection::die() {
  if (dead_) return;
  dead_ = true;
  timer_.stop();
  forget_flush();
  output_.clear();
  transport_.reset();
  loop_->scheduler().defer(*this);
}

void Connection::on_open() {
  if (dead_) return;
  connecting_ = false;
  if (phase_ == Phase::head) expect(Phase::idle);
  owner_->on_open();
}

void Connection::on_read(const Slice& bytes) {
  if (dead_) return;
  bytes_read_ += bytes.size;
  if (ending_) {
    if (lingering_) read_deadline_ = std::min(now() + kLingerSilenceMax, write_deadline_);
    if (how_ == Finish::hear_out) return;
    lingered_bytes_ += static_cast<uint32_t>(bytes.size);
    size_t most = how_ == Finish::dismiss ? kDismissBytesMax : kLingerBytesMax;
    if (lingering_ && lingered_bytes_ > most) die();
    return;
  }
  if (phase_ == Phase::body) read_deadline_ = now() + timeouts_->body;
  codec_->feed(bytes);
}

void Connection::raw_read(uint64_t bytes) {
  bytes_read_ += bytes;
  if (phase_ == Phase::body) read_deadline_ = now() + timeouts_->body;
}

void Connection::on_eof() {
  if (dead_) return;
  if (connecting_) return on_failed(Error{Code::closed, Side::gateway, Progress::unsent, "closed in the handshake"});
  eof_ = true;
  if (ending_) {
    if (lingering_) die();
    return;
  }
  codec_->on_eof();
}

void Connection::on_failed(Error why) {
  if (dead_) return;
  if (connecting_) {
    ending_ = true;
    owner_->on_open_failed(why);
    return die();
  }
  if (ending_) return die();
  codec_->on_failed(why);
}

}  // namespace sluice::wire

#include "http/h1_codec.h"
#include "http/h1_problems.h"

namespace sluice::http {

void H1ServerCodec::feed(const Slice& bytes) {
  Slice rest = bytes;
  while (rest.size > 0 && !finished_) {
    switch (reading_) {
      case Reading::idle: case Reading::head:
        if (!read_head(rest)) return;
        break;
      case Reading::length: case Reading::chunks: case Reading::trailers: case Reading::to_close:
      case Reading::tunnel:
        read_body(rest);
        break;
      case Reading::done:   // pipelined: waits for its turn
        if (rest.size < rest.block->capacity() / 4) {
          held_.append_copy(wire_->blocks(), rest.view());
        } else {
          held_.append(rest);
        }
        pause_above(held_.size());
        return;
      case Reading::discard: return;
    }
  }
}

// gives: false when nothing more can be done with these bytes
bool H1ServerCodec::read_head(Slice& bytes) {
  std::string_view block;
  const Problem* problem = nullptr;
  Block found = take_block(HeadScanner::Kind::request, bytes, block, problem);
  if (found == Block::incomplete) {
    if (reading_ == Reading::idle && partial_started()) {
      reading_ = Reading::head;
      wire_->expect(Phase::head);
    }
    return false;
  }
  asked_ = true;
  events_ = &acceptor_->accept(*this);
  Arena& arena = events_->arena();
  head_ = arena.make<Head>(arena);
  head_sent_ = refused_ = false;
  takes_chunks_ = true;
  head_request_ = false;
  writing_ = Writing::nothing;
  if (found == Block::whole) problem = parse_request_head(arena.copy(block), *limits_, arena, *head_);
  partial_.reset();
  if (problem) {
    refuse(*problem);
    return false;
  }
  keep_alive_ = head_->keep_alive;
  takes_chunks_ = head_->version != Version::h1_0;
  head_request_ = head_->method == Method::head;
  bool body = begin_body(*head_);
  events_->on_head(*head_);
  if (body) {
    wire_->expect(Phase::body);
  } else {
    message_read();
  }
  return true;
}

void H1ServerCodec::message_read() {
  reading_ = Reading::done;
  wire_->expect(Phase::none);
  events_->on_end();
}

void H1ServerCodec::refuse(const Problem& problem) {
  refused_ = true;
  keep_alive_ = false;
  reading_ = Reading::discard;
  wire_->expect(Phase::none);
  events_->on_refused(problem, *head_);
}

void H1ServerCodec::send_informational(const Head& head) {
  if (finished_ || head_sent_ || !takes_chunks_) return;   // HTTP/1.0 clients know no 1xx
  Chain out;
  write_response_head(head, {}, wire_->blocks(), out);
  wire_->output(std::move(out));
}

void H1ServerCodec::send_head(const Head& head, End end) {
  if (finished_) return;
  bool body_allowed = head.status >= 200 && head.status != 204 && head.status != 304 && !head_request_;
  bool last = draining_ || (eof_ && held_.empty());   // all before a half-close are answered
  keep_alive_ = keep_alive_ && head.keep_alive && !last;
  H1Framing framing;
  begin_writing(head, end, body_allowed, takes_chunks_, framing);
  if (body_allowed && end == End::yes) framing.content_length = 0;
  if (head.status == 204) framing.content_length.reset();
  if (writing_ == Writing::to_close) keep_alive_ = false;
  if (head.status == 101 || head.status == 426) framing.upgrade = head.upgrade;
  if (!keep_alive_ && head.status != 101) {
    framing.connection = framing.upgrade.empty() ? "close" : "close, Upgrade";
  } else if (!framing.upgrade.empty()) {
    framing.connection = "Upgrade";
  } else if (!takes_chunks_) {
    framing.connection = "keep-alive";
  }
  Chain out;
  write_response_head(head, framing, wire_->blocks(), out);
  wire_->output(std::move(out));
  head_sent_ = true;
  if (reading_ != Reading::done) wire_->expect(Phase::none);   // he may wait for what the response says
}

void H1ServerCodec::begin_tunnel(StreamEvents& events) {
  if (finished_) return;
  enter_tunnel(events);
  head_ = nullptr;
  keep_alive_ = false;
  reading_ = Reading::tunnel;
  process();   // what came behind the request
  if (eof_) on_eof();
}

Finish H1ServerCodec::usual_end() const {
  bool whole = reading_ == Reading::done;
  if (whole && held_.empty()) return Finish::flush;
  // Garbage, requests behind the last one, and what comes of a tunnel whose peer has not ended its side, or a body.
  bool rest = whole || reading_ == Reading::discard || reading_ == Reading::tunnel;
  return rest ? Finish::linger : Finish::hear_out;
}

// What an upstream broke off goes out as far as it came, where its length or the missing last chunk says that it is not whole.
void H1ServerCodec::reset(Error why) {
  if (events_ == nullptr) return;
  events_ = nullptr;
  finished_ = true;
  wire_->expect(Phase::none);
  bool shows = writing_ == Writing::length || writing_ == Writing::chunks || (head_sent_ && writing_ == Writing::done);
  if (why.side != Side::upstream || !shows) return wire_->finish(Finish::abort);
  end_raw();
  wire_->finish(usual_end());
}

void H1ServerCodec::detach() {
  if (events_ == nullptr) return;
  events_ = nullptr;
  head_ = nullptr;
  chunks_ = nullptr;
  unconsumed_ = 0;
  end_raw();
  if (finished_) return;
  if (writing_ != Writing::done || reading_ != Reading::done || !keep_alive_) {
    finished_ = true;
    wire_->expect(Phase::none);
    if (writing_ != Writing::done) return wire_->finish(Finish::abort);
    return wire_->finish(usual_end());
  }
  reading_ = Reading::idle;
  wire_->expect(Phase::idle);
  process();
  if (finished_ || reading_ == Reading::done || reading_ == Reading::discard) return;
  if (eof_) {
    if (events_ != nullptr) return refuse(kIncompleteBody);
    finished_ = true;
    return wire_->finish(Finish::flush);
  }
  if (paused_ && unconsumed_ <= kHeldBytesMax) {
    paused_ = false;
    wire_->resume_input();
  }
  if (draining_) drain();
}

// Bytes that came while the last response was under way.
void H1ServerCodec::process() {
  Chain bytes = std::move(held_);
  while (!bytes.empty()) {
    // The slice's block is held by `bytes` while feed looks at it.
    Slice slice = bytes.front_slice();
    if (reading_ == Reading::done || finished_) {
      held_.append(std::move(bytes));
      return;
    }
    feed(slice);
    bytes.drop_front(slice.size);
  }
}

void H1ServerCodec::on_eof() {
  eof_ = true;
  switch (reading_) {
    case Reading::idle: case Reading::head:
      finished_ = true;
      wire_->finish(Finish::flush);
      return;
    case Reading::length: case Reading::chunks: case Reading::trailers: case Reading::to_close:
      return refuse(kIncompleteBody);
    case Reading::tunnel:
      reading_ = Reading::done;
      return events_->on_end();
    case Reading::done: case Reading::discard: return;   // a half-close after the request is no abort
  }
}

void H1ServerCodec::on_failed(Error why) {
  finished_ = true;
  if (!is_own_doing(why.code)) why.side = Side::client;
  if (StreamEvents* events = events_) {
    events_ = nullptr;
    events->on_reset(why);
  }
  wire_->expect(Phase::none);
  wire_->finish(Finish::abort);
}

void H1ServerCodec::on_write_failed(Error why) { on_failed(why); }

void H1ServerCodec::on_timeout(Phase phase) {
  if (finished_) return;
  switch (phase) {
    case Phase::none: case Phase::streams: return;
    case Phase::idle: case Phase::last:
      finished_ = true;
      return wire_->finish(Finish::flush);
    case Phase::head: {
      events_ = &acceptor_->accept(*this);
      head_ = events_->arena().make<Head>(events_->arena());
      head_sent_ = head_request_ = false;
      writing_ = Writing::nothing;
      return refuse(kRequestTimeout);
    }
    case Phase::body: return refuse(kRequestTimeout);
  }
}

// Nobody is cut off in the middle of asking: a new connection was made to send a request, and a request may lie
// unread on an old one. Either gets a moment.
void H1ServerCodec::drain() {
  draining_ = true;
  if (events_ != nullptr || finished_ || reading_ != Reading::idle || !held_.empty()) return;
  if (!asked_ || wire_->input_waits()) return wire_->expect(Phase::last);
  finished_ = true;
  wire_->finish(Finish::flush);
}

}  // namespace sluice::http

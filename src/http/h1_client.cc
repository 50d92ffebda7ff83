#include "http/h1_codec.h"

#include <algorithm>

namespace sluice::http {

Stream& H1ClientCodec::open(StreamEvents& events) {
  CHECK(free());
  events_ = &events;
  written_before_ = wire_->bytes_written();
  keep_alive_ = true;
  answered_ = false;
  informational_ = 0;
  writing_ = Writing::nothing;
  wire_->expect(Phase::none);
  return *this;
}

void H1ClientCodec::send_head(const Head& head, End end) {
  if (finished_) return;
  method_ = head.method;
  upgrades_ = !head.upgrade.empty();
  reading_ = Reading::head;
  H1Framing framing;
  framing.upgrade = head.upgrade;
  if (upgrades_) framing.connection = "Upgrade";
  begin_writing(head, end, true, true, framing);
  // RFC 9110 section 8.6: a method that means a body says when there is none.
  bool means_body = method_ == Method::post || method_ == Method::put || method_ == Method::patch;
  if (end == End::yes && means_body) framing.content_length = 0;
  Chain out;
  write_request_head(head, framing, wire_->blocks(), out);
  wire_->output(std::move(out));
}

void H1ClientCodec::begin_tunnel(StreamEvents& events) {
  if (!finished_) enter_tunnel(events);
}

Progress H1ClientCodec::progress() const {
  if (answered_) return Progress::answered;
  return wire_->bytes_written() > written_before_ ? Progress::sent : Progress::unsent;
}

void H1ClientCodec::feed(const Slice& bytes) {
  Slice rest = bytes;
  while (rest.size > 0 && !finished_) {
    switch (reading_) {
      case Reading::idle: {   // bytes that no request asked for: nothing on this connection can be trusted
        Error why{Code::bad_message, Side::upstream, Progress::unsent, "bytes before a request"};
        return fail(why);
      }
      case Reading::head:
        // Bytes that were on their way before ours left are no answer to this request.
        if (progress() == Progress::unsent) {
          Error why{Code::closed, Side::upstream, Progress::unsent, "bytes before a request"};
          return fail(why);
        }
        answered_ = true;
        if (!read_head(rest)) return;
        break;
      case Reading::length: case Reading::chunks: case Reading::trailers: case Reading::to_close:
      case Reading::tunnel:
        read_body(rest);
        break;
      case Reading::done:   // more than was announced: the answer stands, the connection is not used again
        keep_alive_ = false;
        reading_ = Reading::discard;
        if (events_ == nullptr) {
          finished_ = true;
          wire_->finish(Finish::abort);
        }
        return;
      case Reading::discard: return;
    }
  }
}

bool H1ClientCodec::read_head(Slice& bytes) {
  std::string_view block;
  const Problem* problem = nullptr;
  Block found = take_block(HeadScanner::Kind::response, bytes, block, problem);
  if (found == Block::incomplete) return false;
  Error bad{Code::bad_message, Side::upstream, Progress::answered, "malformed response head"};
  if (found == Block::refused) {
    fail_head(bad);
    return false;
  }
  Arena& arena = events_->arena();
  Head* head = arena.make<Head>(arena);
  Result<void> parsed = parse_response_head(arena.copy(block), *limits_, method_, arena, *head);
  partial_.reset();
  if (!parsed) {
    fail_head(parsed.error());
    return false;
  }
  if (head->status == 101) {
    if (!upgrades_) {
      bad.what = "upgrade that nobody asked for";
      fail(bad);
      return false;
    }
    keep_alive_ = false;
    reading_ = Reading::tunnel;
    events_->on_head(*head);
    return true;
  }
  if (head->status < 200) {
    if (++informational_ > kInformationalMax) {
      bad.what = "too many interim responses";
      fail(bad);
      return false;
    }
    events_->on_informational(*head);
    return true;
  }
  keep_alive_ = head->keep_alive && head->body != Body::to_close;
  if (head->keep_alive_seconds) {
    idle_patience_ = std::chrono::seconds(std::max(*head->keep_alive_seconds, 1U) - 1);
  }
  bool body = begin_body(*head);
  events_->on_head(*head);
  if (!body) message_read();
  return true;
}

// On a connection that has served before, what is no head may be left over from the last response (a body after
// HEAD, more than was announced): this request is not answered then, and may be sent again elsewhere.
void H1ClientCodec::fail_head(const Error& why) {
  if (written_before_ > 0 && informational_ == 0) answered_ = false;
  fail(why);
}

void H1ClientCodec::message_read() {
  reading_ = Reading::done;
  events_->on_end();
}

void H1ClientCodec::message_bad(const Problem& problem) {
  fail(Error{Code::bad_message, Side::upstream, Progress::answered, problem.title.data()});
}

void H1ClientCodec::fail(Error why) {
  if (finished_) return;
  finished_ = true;
  why.side = Side::upstream;
  why.progress = progress();
  wire_->finish(Finish::abort);
  if (StreamEvents* events = events_) {
    events_ = nullptr;
    events->on_reset(why);
  }
}

void H1ClientCodec::reset(Error) {
  if (events_ == nullptr) return;
  events_ = nullptr;
  if (finished_) return;
  finished_ = true;
  wire_->finish(Finish::abort);
}

void H1ClientCodec::detach() {
  if (events_ == nullptr) return;
  events_ = nullptr;
  chunks_ = nullptr;
  unconsumed_ = 0;
  end_raw();
  partial_.reset();
  if (finished_) return;
  if (tunnel_) {
    finished_ = true;
    if (writing_ != Writing::done) return wire_->finish(Finish::abort);
    return wire_->finish(reading_ == Reading::done ? Finish::flush : Finish::linger);
  }
  // Taken by the upstream, not only by us.
  bool taken = writing_ == Writing::done && wire_->output_room() > 0;
  bool whole = reading_ == Reading::done && taken;
  if (!whole || !keep_alive_ || draining_ || eof_) {
    finished_ = true;
    return wire_->finish(whole ? Finish::flush : Finish::abort);
  }
  reading_ = Reading::idle;
  writing_ = Writing::nothing;
  if (paused_) {   // a paused connection in the pool would never see its end
    paused_ = false;
    wire_->resume_input();
  }
  wire_->expect(Phase::idle);
  wire_->available();
}

void H1ClientCodec::on_eof() {
  eof_ = true;
  switch (reading_) {
    case Reading::idle:
      if (events_) return fail(Error{Code::closed, Side::upstream, Progress::unsent, "closed before the request"});
      finished_ = true;
      return wire_->finish(Finish::flush);
    case Reading::head: return fail(Error{Code::closed, Side::upstream, Progress::sent, "closed before the response"});
    case Reading::to_close: case Reading::tunnel: return message_read();
    case Reading::length: case Reading::chunks: case Reading::trailers:
      return fail(Error{Code::truncated, Side::upstream, Progress::answered, "response ended early"});
    case Reading::done: case Reading::discard: return;
  }
}

void H1ClientCodec::on_failed(Error why) {
  bool whole = reading_ == Reading::done || reading_ == Reading::discard;
  if (whole && events_ && !tunnel_) {   // what comes after the answer does not matter
    eof_ = true;
    writing_ = Writing::done;
    return;
  }
  fail(why);
}

void H1ClientCodec::on_write_failed(Error) {
  // The upstream may have answered before it stopped reading: go on until its bytes end.
  writing_ = Writing::done;
  keep_alive_ = false;
  if (blocked_) on_room();
}

void H1ClientCodec::on_timeout(Phase phase) {
  if (phase != Phase::idle || finished_) return;
  finished_ = true;
  wire_->finish(Finish::flush);
}

void H1ClientCodec::drain() {
  draining_ = true;
  if (events_ != nullptr || finished_) return;
  finished_ = true;
  wire_->finish(Finish::flush);
}

}  // namespace sluice::http

#include "http/h2_stream.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>

#include "http/h2_session.h"

namespace sluice::http {
namespace {

/// RFC 9113 section 7: what the other end of the exchange did, in this one's terms.
uint32_t code_for(const Error& why) {
  switch (why.code) {
    case Code::cancelled: case Code::timeout: case Code::stalled: case Code::reset:
      return why.side == Side::client ? NGHTTP2_CANCEL : NGHTTP2_INTERNAL_ERROR;
    default: return NGHTTP2_INTERNAL_ERROR;
  }
}

}  // namespace

bool H2Stream::sends() const { return !closed_ && !write_done_ && !session_->finished_; }

void H2Stream::send_informational(const Head& head) {
  if (!sends() || head_sent_) return;
  session_->submit(*this, session_->writer_.response(head, false), End::no);
}

void H2Stream::send_head(const Head& head, End end) {
  if (!sends()) return;
  head_sent_ = true;
  const H2FieldWriter::Fields& fields = session_->write_head(*this, head);
  if (bodyless_) end = End::yes;
  if (!session_->server_ && tunnel_ == Tunnel::asked) end = End::no;   // of the head, not of what follows it
  write_done_ = end == End::yes;
  session_->submit(*this, fields, end);
}

void H2Stream::send_body(Chain bytes, End end) {
  if (!sends() || (bytes.empty() && end == End::no)) return;
  if (bytes.size() <= kPackedMax) {   // right behind its frame's head
    bytes.each([&](const Slice& slice) { out_.append_copy(session_->wire_->blocks(), slice.view()); });
  } else {
    out_.append(std::move(bytes));
  }
  write_done_ = end == End::yes;
  session_->submit_data(*this);
}

void H2Stream::send_trailers(const Fields& trailers) {
  if (!sends()) return;
  write_done_ = true;
  if (trailers.empty()) return session_->submit_data(*this);
  session_->submit_trailers(*this, trailers);
}

size_t H2Stream::credit() const {
  constexpr size_t kShare = 64 * 1024;   // of the wire's room, where several streams want some
  if (!sends()) return kShare;           // nobody reads it any more
  H2Session& session = *session_;
  size_t room = session.wire_->output_room();
  if (session.open_count_ > 1) room = std::min(room, turn_ == session.turn_ ? kShare - std::min<size_t>(kShare, burst_) : kShare);
  int32_t window = std::min(nghttp2_session_get_stream_remote_window_size(session.session_.get(), id_), session.window());
  size_t waiting = out_.size();
  size_t credit = std::min(room, static_cast<size_t>(std::max(window, 0)));
  credit -= std::min(credit, waiting);
  if (credit > 0) {
    blocked_since_ = kNever;
    return credit;
  }
  blocked_ = session.any_blocked_ = true;
  if (window <= 0 && blocked_since_ == kNever) blocked_since_ = session.now();
  return 0;
}

void H2Stream::consume(size_t bytes) {
  DCHECK(bytes <= unconsumed_);
  unconsumed_ -= bytes;
  if (closed_ || read_done_ || session_->finished_) return;
  heard_at_ = session_->now();   // the sender could not go on before
  nghttp2_session_consume_stream(session_->session_.get(), id_, bytes);
  session_->flush();
}

bool H2Stream::takes_tunnels() const { return session_->takes_tunnels(); }

void H2Stream::begin_tunnel(StreamEvents& events) {
  if (events_ != nullptr) session_->begin_tunnel(*this, events);
}

void H2Stream::reset(Error why) {
  if (events_ == nullptr) return;
  events_ = nullptr;
  uint32_t code = tunnel_ == Tunnel::open ? uint32_t{NGHTTP2_CANCEL} : code_for(why);
  if (!closed_) session_->submit_reset(*this, code);
  session_->let_go(*this);
}

void H2Stream::detach() {
  if (events_ == nullptr) return;
  events_ = nullptr;
  if (!closed_ && !session_->lingers(*this)) {
    if (std::optional<uint32_t> code = session_->detach_code(*this)) session_->submit_reset(*this, *code);
  }
  session_->let_go(*this);
}

}  // namespace sluice::http

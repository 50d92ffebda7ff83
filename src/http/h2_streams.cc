// The streams of an H2Session: their bodies, their ends, and what becomes of them.
#include <nghttp2/nghttp2.h>

#include <memory>
#include <utility>

#include "http/h1_codec.h"
#include "http/h1_problems.h"
#include "http/h2_problems.h"
#include "http/h2_session.h"

namespace sluice::http {

namespace {

constexpr size_t kSharedFrom = 8 * 1024;                 // smaller pieces are copied: they would pin a read buffer
constexpr size_t kSpareStreams = 8;                      // kept for the next requests
constexpr Duration kLinger = std::chrono::seconds(5);    // as a connection of HTTP/1 has it
constexpr int kAnsweredMax = 8;                          // streams that a server may be slow to end

}  // namespace

H2Stream& H2Session::open_stream(int32_t id, StreamEvents* events) {
  H2Stream* stream = nullptr;
  if (free_.empty()) {
    stream = new H2Stream(*this);
  } else {
    stream = free_.back().release();
    free_.pop_back();
  }
  stream->id_ = id;
  stream->events_ = events;
  open_.push_back(*stream);
  ++open_count_;
  if (id > 0) nghttp2_session_set_stream_user_data(session_.get(), id, stream);
  return *stream;
}

void H2Session::start_reading(H2Stream& stream, const Head& head, End end) {
  stream.head_read_ = true;
  stream.heard_at_ = now();
  stream.counts_length_ = head.body != Body::streamed;
  stream.left_ = head.body == Body::length ? *head.content_length : 0;
  if (server_ && stream.tunnel_ == H2Stream::Tunnel::asked) {   // the request is its head; what follows waits
    stream.counts_length_ = false;
    stream.early_end_ = end == End::yes;
    return stream.events_->on_end();
  }
  bool whole = !server_ && head.body == Body::none;   // as over HTTP/1, whatever the server adds
  if (end == End::yes || whole) end_message(stream);
}

void H2Session::begin_tunnel(H2Stream& stream, StreamEvents& events) {
  stream.events_ = &events;
  stream.head_ = nullptr;   // its memory goes with the receiver so far
  stream.tunnel_ = H2Stream::Tunnel::open;
  if (!stream.early_.empty()) events.on_body(std::move(stream.early_));
  if (stream.early_end_) end_message(stream);
}

bool H2Session::may_linger(const H2Stream& stream) const {
  if (!stream.write_done_ || !stream.head_read_) return false;
  if (stream.tunnel_ == H2Stream::Tunnel::open) return !stream.read_done_;
  if (server_) return !stream.read_done_ && stream.counts_length_ && stream.left_ == 0;
  return stream.end_sent_ && stream.read_done_ && nghttp2_session_get_stream_remote_close(session_.get(), stream.id_) == 0;
}

bool H2Session::lingers(H2Stream& stream) {
  bool may = may_linger(stream) && !leaving_ && !finished_;
  if (may && stream.read_done_) {
    int left = 0;
    open_.each([&](H2Stream& one) { left += one.events_ == nullptr && !one.closed_ ? 1 : 0; });
    may = left <= kAnsweredMax;
  }
  if (may) stream.heard_at_ = now();
  return may;
}

void H2Session::end_lingering(H2Stream& stream) {
  bool over = may_linger(stream) && stream.end_sent_ && stream.events_ == nullptr && !stream.closed_;
  if (!over || (!leaving_ && now() - stream.heard_at_ < kLinger)) return;
  submit_reset(stream, stream.read_done_ ? NGHTTP2_CANCEL : NGHTTP2_NO_ERROR);
}

void H2Session::end_message(H2Stream& stream) {
  stream.read_done_ = true;
  stream.events_->on_end();
}

void H2Session::on_data(H2Stream& stream, std::string_view bytes) {
  if (stream.read_done_ || stream.events_ == nullptr || bytes.empty()) return;
  if (!stream.head_read_) return bad_message(stream, kBadPseudoField);   // a body before the head
  if (stream.counts_length_ && bytes.size() > stream.left_) return bad_message(stream, kBadContentLength);
  if (stream.counts_length_) stream.left_ -= bytes.size();
  stream.unconsumed_ += bytes.size();
  stream.heard_at_ = now();
  if (server_ && stream.tunnel_ == H2Stream::Tunnel::asked) {   // at most a window of it
    return stream.early_.append_copy(wire_->blocks(), bytes);
  }
  Chain chain;
  if (bytes.size() >= kSharedFrom) {
    chain.append(Slice{input_->block, bytes.data(), bytes.size()});
  } else {
    chain.append_copy(wire_->blocks(), bytes);
  }
  stream.events_->on_body(std::move(chain));
}

void H2Session::on_data_end(H2Stream& stream) {
  if (stream.read_done_ || stream.events_ == nullptr) return;
  if (!stream.head_read_) return bad_message(stream, kBadPseudoField);
  if (stream.counts_length_ && stream.left_ > 0) return bad_message(stream, kIncompleteBody);
  if (server_ && stream.tunnel_ == H2Stream::Tunnel::asked) {
    stream.early_end_ = true;
    return;
  }
  end_message(stream);
}

void H2Session::read_trailers(H2Stream& stream, End end) {
  if (stream.read_done_ || stream.events_ == nullptr) return;
  // A tunnel has none (RFC 9113 section 8.5).
  if (end == End::no || stream.tunnel_ != H2Stream::Tunnel::no) return bad_message(stream, kBadField);
  Arena& arena = stream.events_->arena();
  Fields* trailers = arena.make<Fields>(arena);
  Side peer = server_ ? Side::client : Side::upstream;
  if (const Problem* problem = read_h2_trailers(header_list_, peer, arena, *trailers)) return bad_message(stream, *problem);
  if (stream.counts_length_ && stream.left_ > 0) return bad_message(stream, kIncompleteBody);
  if (!trailers->empty()) stream.events_->on_trailers(*trailers);
  end_message(stream);
}

// A piece that is small only because no more of the window was open earns its opener nothing (CVE-2019-9511). For any other
// the peer may open both windows, once for each KiB if it likes (Go's clients do for 4 KiB), and send a PING: so clients of
// gRPC measure what the connection carries, one for each round trip on which something came.
void H2Session::on_data_sent(H2Stream& stream, size_t bytes) {
  auto used_up = [&] {
    return nghttp2_session_get_stream_remote_window_size(session_.get(), stream.id_) <= 0 || window() <= 0;
  };
  if (bytes >= kH2CrumbsBelow || !used_up()) {
    counts_.forgive(H2Abuse::control_frames, static_cast<uint32_t>(2 * (1 + bytes / kH2CrumbsBelow)));
    counts_.forgive(H2Abuse::pings, 1);
    stream.starved_since_ = kNever;
  } else if (stream.starved_since_ == kNever) {
    stream.starved_since_ = now();
  }
}

// A response that is whole needs no more of the request: NO_ERROR says so (RFC 9113 section 8.1). Not before its end is
// on the wire, which a window may hold back for longer than its receiver stays.
void H2Session::on_end_sent(H2Stream& stream) {
  stream.end_sent_ = true;
  stream.blocked_since_ = kNever;
  if (stream.events_ == nullptr) stream.heard_at_ = now();   // from here on its peer is waited for
  bool left = server_ && stream.events_ == nullptr && (leaving_ || !may_linger(stream));
  bool asks = nghttp2_session_get_stream_remote_close(session_.get(), stream.id_) == 0;
  if (left && asks) submit_reset(stream, NGHTTP2_NO_ERROR);
}

void H2Session::on_closed(H2Stream& stream, uint32_t code) {
  bool whole = is_answered(stream);
  if (stream.tunnel_ == H2Stream::Tunnel::open) whole = stream.end_sent_ && stream.read_done_;
  stream.closed_ = true;
  --open_count_;
  if (stream.events_ && !whole) tell_reset(stream, reset_error(stream, code));
  if (stream.events_ == nullptr) retire(stream);
  on_stream_over();
}

void H2Session::tell_reset(H2Stream& stream, const Error& why) {
  if (StreamEvents* events = std::exchange(stream.events_, nullptr)) events->on_reset(why);
}

void H2Session::submit_reset(const H2Stream& stream, uint32_t code) {
  if (finished_ || stream.id_ == 0) return;
  nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, stream.id_, code);
}

// Its receiver has: what is left is to tell the peer.
void H2Session::let_go(H2Stream& stream) {
  if (stream.id_ == 0 && !stream.closed_) {   // nothing was ever sent
    stream.closed_ = true;
    --open_count_;
    on_stream_over();
  }
  if (stream.closed_) retire(stream);
  flush();
  end_if_done();
  if (!busy_) update_phase();
}

void H2Session::retire(H2Stream& stream) {
  stream.unlink();
  dead_.emplace_back(&stream);
}

void H2Session::bury() {
  for (std::unique_ptr<H2Stream>& stream : dead_) {
    if (free_.size() == kSpareStreams) break;
    std::destroy_at(stream.get());
    std::construct_at(stream.get(), *this);
    free_.push_back(std::move(stream));
  }
  dead_.clear();
}

}  // namespace sluice::http

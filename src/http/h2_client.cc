#include <nghttp2/nghttp2.h>

#include <algorithm>

#include "http/h1_codec.h"
#include "http/h2_codec.h"

namespace sluice::http {
namespace {

constexpr Duration kPatience = std::chrono::seconds(1);   // above any round trip

}  // namespace

Stream& H2ClientCodec::open(StreamEvents& events) {
  CHECK(has_room());
  return open_stream(0, &events);
}

size_t H2ClientCodec::streams_max() const { return std::min<size_t>(limits_->streams, peer_streams_max()); }

const H2FieldWriter::Fields& H2ClientCodec::write_head(H2Stream& stream, const Head& head) {
  stream.method_ = head.upgrade.empty() ? head.method : Method::connect;
  if (!head.upgrade.empty()) stream.tunnel_ = H2Stream::Tunnel::asked;
  stream.heard_at_ = now();
  return writer_.request(head, scheme_, true);
}

void H2ClientCodec::on_header_list(int32_t, H2Stream* stream, End end) {
  if (stream == nullptr || stream->events_ == nullptr) return;   // no longer wanted
  if (stream->head_read_) return read_trailers(*stream, end);
  Arena& arena = stream->events_->arena();
  Head* head = arena.make<Head>(arena);
  if (Result<void> read = read_h2_response(header_list_, stream->method_, end, arena, *head); !read) {
    return fail(*stream, read.error());
  }
  Error bad{Code::bad_message, Side::upstream, Progress::answered, "upgrade that nobody asked for"};
  if (head->status == 101) return fail(*stream, bad);
  if (head->status < 200) {
    bad.what = "too many interim responses";
    if (++stream->informational_ > kInformationalMax) return fail(*stream, bad);
    return stream->events_->on_informational(*head);
  }
  stream->head_ = head;
  if (stream->tunnel_ == H2Stream::Tunnel::asked) {
    watches_ |= head->status < 300;
    stream->tunnel_ = head->status < 300 ? H2Stream::Tunnel::open : H2Stream::Tunnel::no;
  }
  watches_ |= end == End::no && head->body == Body::none;   // its end is still to come
  stream->events_->on_head(*head);
  start_reading(*stream, *head, end);
}

void H2ClientCodec::bad_message(H2Stream& stream, const Problem& problem) {
  fail(stream, {Code::bad_message, Side::upstream, Progress::answered, problem.title.data()});
}

void H2ClientCodec::fail(H2Stream& stream, const Error& why) {
  stream.read_done_ = true;
  submit_reset(stream, NGHTTP2_PROTOCOL_ERROR);
  tell_reset(stream, why);
}

Error H2ClientCodec::reset_error(const H2Stream& stream, uint32_t code) const {
  // Not Code::reset: the connection lives, and the server has seen the request.
  Error why{Code::truncated, Side::upstream, Progress::sent, "stream reset by the upstream"};
  if (stream.tunnel_ == H2Stream::Tunnel::no && code == NGHTTP2_CANCEL) why.code = Code::cancelled;
  if (stream.tunnel_ == H2Stream::Tunnel::no && code == NGHTTP2_ENHANCE_YOUR_CALM) why.code = Code::overloaded;
  if (stream.head_read_ || stream.informational_ > 0) {
    why.progress = Progress::answered;
  } else if (code == NGHTTP2_REFUSED_STREAM) {   // RFC 9113 section 8.7: nothing was done with it
    why = {Code::not_taken, Side::upstream, Progress::unsent, "stream refused by the upstream"};
  }
  return why;
}

std::optional<uint32_t> H2ClientCodec::detach_code(const H2Stream& stream) {
  if (stream.read_done_ && stream.end_sent_ && !may_linger(stream)) return std::nullopt;
  // Nothing at all has come since it was sent: the connection may be dead, and others would wait for it too. So would bodies
  // of others for the connection's window (which Tomcat 10.1 forgets to open behind bodies that it discards).
  bool silent = !stream.head_read_ && fed_at_ <= stream.heard_at_ && now() - stream.heard_at_ >= kPatience;
  bool shut = window() <= 0 && stream.blocked_since_ != kNever && now() - stream.blocked_since_ >= kPatience;
  if (silent || shut) leaving_ = true;
  return NGHTTP2_CANCEL;
}

void H2ClientCodec::on_tick() {
  open_.each([&](H2Stream& stream) {
    end_lingering(stream);
    if (stream.closed_ || stream.tunnel_ != H2Stream::Tunnel::open || !is_stuck(stream)) return;
    submit_reset(stream, NGHTTP2_CANCEL);
    tell_reset(stream, {Code::stalled, Side::upstream, Progress::answered, "upstream opens no window"});
  });
}

// Streams that the server did not take are closed by nghttp2 as refused.
void H2ClientCodec::on_goaway() {
  leaving_ = true;
  wire_->available();
}

void H2ClientCodec::on_eof() { on_failed({Code::closed, Side::upstream, Progress::sent, "closed by the upstream"}); }

void H2ClientCodec::drain() {
  leaving_ = true;
  end_if_done();
}

}  // namespace sluice::http

#include <nghttp2/nghttp2.h>

#include "http/h1_codec.h"
#include "http/h2_codec.h"
#include "http/rules.h"

namespace sluice::http {

void H2ServerCodec::on_header_list(int32_t id, H2Stream* stream, End end) {
  if (stream) return read_trailers(*stream, end);
  H2Stream& opened = open_stream(id, nullptr);
  StreamEvents& events = acceptor_->accept(opened);
  opened.events_ = &events;
  Arena& arena = events.arena();
  opened.head_ = arena.make<Head>(arena);
  const Problem* problem = read_h2_request(header_list_, limits_->head, end, arena, *opened.head_);
  opened.method_ = opened.head_->method;
  if (!opened.head_->upgrade.empty()) opened.tunnel_ = H2Stream::Tunnel::asked;
  if (problem) return bad_message(opened, *problem);
  events.on_head(*opened.head_);
  start_reading(opened, *opened.head_, end);
}

// Of a request that was taken it ends what may have begun behind us, and is as cheap for the client as a reset
// (CVE-2025-8671). A bad head begins nothing: its answer is one as any other.
void H2ServerCodec::bad_message(H2Stream& stream, const Problem& problem) {
  bool late = &problem == &kRequestTimeout;
  if (stream.head_read_ && !late) count(H2Abuse::resets);
  stream.read_done_ = true;   // what still comes is dropped
  if (stream.tunnel_ == H2Stream::Tunnel::open) {   // no answer can be told from what the other side says
    submit_reset(stream, NGHTTP2_PROTOCOL_ERROR);
    return tell_reset(stream, {Code::bad_message, Side::client, Progress::answered, problem.title.data()});
  }
  if (stream.events_) stream.events_->on_refused(problem, *stream.head_);
}

Error H2ServerCodec::reset_error(const H2Stream&, uint32_t) const {
  return {Code::reset, Side::client, Progress::sent, "stream reset by the client"};
}

std::optional<uint32_t> H2ServerCodec::detach_code(const H2Stream& stream) {
  if (!stream.write_done_) return NGHTTP2_INTERNAL_ERROR;
  if (!stream.end_sent_) return std::nullopt;   // on_end_sent() follows, or on_tick() loses patience
  return NGHTTP2_NO_ERROR;
}

const H2FieldWriter::Fields& H2ServerCodec::write_head(H2Stream& stream, const Head& head) {
  stream.bodyless_ = head.status == 204 || head.status == 304 || stream.method_ == Method::head;
  return writer_.response(head, head.status != 204);
}

// Nobody opens a window any more, and whoever closes in HTTP/2 is seldom there to read: what is not answered wholly is
// cancelled as if it were reset. What was framed before still leaves.
void H2ServerCodec::on_eof() {
  submit_goaway(Last::seen);
  end(Finish::flush, {Code::reset, Side::client, Progress::sent, "closed by the client"});
}

// First everybody is asked to open no more streams; what was on its way then is still served.
void H2ServerCodec::drain() {
  if (finished_ || leaving_) return;
  leaving_ = last_call_ = true;
  submit_goaway(Last::any);
  update_phase();
}

void H2ServerCodec::on_tick() {
  open_.each([&](H2Stream& stream) {
    if (stream.closed_) return;
    end_lingering(stream);
    bool heard = stream.events_ != nullptr;
    bool owes = heard && stream.tunnel_ == H2Stream::Tunnel::no;   // a tunnel may be silent
    bool may_send = owes && !stream.read_done_ && !stream.head_sent_ && stream.unconsumed_ < kH2StreamWindow;
    bool late = may_send && now() - stream.heard_at_ >= limits_->body_patience;
    if (late && !is_grpc(*stream.head_)) return bad_message(stream, kRequestTimeout);   // calls: the exchange's affair
    if (!is_stuck(stream)) return;
    count(H2Abuse::stalls);
    submit_reset(stream, NGHTTP2_CANCEL);
    tell_reset(stream, {Code::stalled, Side::client, Progress::sent, "client opens no window"});
  });
}

}  // namespace sluice::http

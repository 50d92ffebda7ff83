#include "http/h2_session.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>

#include "http/h1_codec.h"
#include "http/h1_problems.h"
#include "http/h2_problems.h"

namespace sluice::http {

static_assert(kH2StreamWindow == NGHTTP2_INITIAL_WINDOW_SIZE);

namespace {

constexpr size_t kSettingsMax = 32;                      // entries of one SETTINGS frame; there are eight
constexpr size_t kSentHeaderBytesMax = 512 * 1024;       // above what heads of either side may have

/// Ours, for what the peer did wrong: it may not make us do that for ever (CVE-2025-8671).
bool is_peers_fault(uint32_t code) {
  return code != NGHTTP2_NO_ERROR && code != NGHTTP2_CANCEL && code != NGHTTP2_INTERNAL_ERROR;
}

}  // namespace

// What nghttp2 calls. Nothing here calls back into it but by nghttp2_submit_* and nghttp2_session_consume_*.
struct H2Callbacks {
  static H2Session& self(void* data) { return *static_cast<H2Session*>(data); }
  static H2Stream* stream(nghttp2_session* session, int32_t id) {
    return static_cast<H2Stream*>(nghttp2_session_get_stream_user_data(session, id));
  }
  static int verdict(const H2Session& session) { return session.abuse_ ? NGHTTP2_ERR_CALLBACK_FAILURE : 0; }

  static int on_begin_frame(nghttp2_session*, const nghttp2_frame_hd* head, void* data) {
    H2Session& session = self(data);
    bool answers = (head->flags & NGHTTP2_FLAG_ACK) != 0;
    if (head->type != NGHTTP2_CONTINUATION) session.in_head_ = false;
    switch (head->type) {
      case NGHTTP2_DATA:   // END_STREAM is what an empty one is for
        if (head->length == 0 && (head->flags & NGHTTP2_FLAG_END_STREAM) == 0) session.count(H2Abuse::empty_frames);
        break;
      case NGHTTP2_HEADERS: case NGHTTP2_CONTINUATION:
        if (head->length == 0) session.count(H2Abuse::empty_frames);
        break;
      case NGHTTP2_RST_STREAM: {
        H2Stream* of = stream(session.session_.get(), head->stream_id);
        session.count(of && session.would_be_rapid(*of) ? H2Abuse::resets : H2Abuse::control_frames);
        break;
      }
      case NGHTTP2_PING: session.count(answers ? H2Abuse::control_frames : H2Abuse::pings); break;
      case NGHTTP2_SETTINGS: session.count(answers ? H2Abuse::control_frames : H2Abuse::settings); break;
      default: session.count(H2Abuse::control_frames); break;
    }
    return verdict(session);
  }

  static int on_begin_headers(nghttp2_session*, const nghttp2_frame*, void* data) {
    self(data).in_head_ = true;
    self(data).header_list_.clear();
    return 0;
  }

  static int on_header(nghttp2_session*, const nghttp2_frame*, const uint8_t* name, size_t name_size,
                       const uint8_t* value, size_t value_size, uint8_t, void* data) {
    H2Session& session = self(data);
    const H1Limits& limits = session.limits_->head;
    auto text = [](const uint8_t* at, size_t size) { return std::string_view(reinterpret_cast<const char*>(at), size); };
    session.header_list_.add(text(name, name_size), text(value, value_size), limits);
    size_t most = limits.line_bytes_max + limits.header_bytes_max;
    if (session.header_list_.bytes() > kH2HeaderAbuse * most) session.abuse_ = H2Abuse::header_bytes;
    return verdict(session);
  }

  static int on_frame(nghttp2_session* library, const nghttp2_frame* frame, void* data) {
    H2Session& session = self(data);
    bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    H2Stream* of = frame->hd.stream_id > 0 ? stream(library, frame->hd.stream_id) : nullptr;
    switch (frame->hd.type) {
      case NGHTTP2_HEADERS:
        session.in_head_ = false;
        session.on_header_list(frame->hd.stream_id, of, ends ? End::yes : End::no);
        session.header_list_.clear();   // the next one may be long in coming
        break;
      case NGHTTP2_DATA:
        if (ends && of) session.on_data_end(*of);
        break;
      case NGHTTP2_GOAWAY: session.on_goaway(); break;
      case NGHTTP2_SETTINGS:
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) == 0) session.on_settings();
        break;
      default: break;   // windows are asked for, settings are nghttp2's affair
    }
    return verdict(session);
  }

  static int on_chunk(nghttp2_session* library, uint8_t, int32_t id, const uint8_t* bytes, size_t size, void* data) {
    nghttp2_session_consume_connection(library, size);
    std::string_view text(reinterpret_cast<const char*>(bytes), size);
    if (H2Stream* of = stream(library, id)) self(data).on_data(*of, text);
    return verdict(self(data));
  }

  static int on_close(nghttp2_session* library, int32_t id, uint32_t code, void* data) {
    if (H2Stream* of = stream(library, id)) self(data).on_closed(*of, code);
    return 0;
  }

  static int on_sent(nghttp2_session* library, const nghttp2_frame* frame, void* data) {
    H2Session& session = self(data);
    bool message = frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS;
    H2Stream* of = message ? stream(library, frame->hd.stream_id) : nullptr;
    if (of && frame->hd.type == NGHTTP2_DATA) session.on_data_sent(*of, frame->hd.length);
    if (of && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) session.on_end_sent(*of);
    if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR) session.broken_ = true;
    bool reset = frame->hd.type == NGHTTP2_RST_STREAM && is_peers_fault(frame->rst_stream.error_code);
    if (reset) session.count(H2Abuse::resets);
    return 0;
  }

  static ssize_t on_read_data(nghttp2_session*, int32_t, uint8_t*, size_t most, uint32_t* flags,
                              nghttp2_data_source* source, void* data) {
    auto& of = *static_cast<H2Stream*>(source->ptr);
    size_t part = std::min(most, of.out_.size());
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (part < of.out_.size()) return static_cast<ssize_t>(part);
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    of.data_submitted_ = false;
    if (!of.write_done_ || !of.trailers_.empty()) *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    if (!of.trailers_.empty()) self(data).frame_kept_trailers(of);
    return static_cast<ssize_t>(part);
  }

  static int on_send_data(nghttp2_session*, nghttp2_frame*, const uint8_t* head, size_t size, nghttp2_data_source* source,
                          void* data) {
    H2Session& session = self(data);
    auto& of = *static_cast<H2Stream*>(source->ptr);
    session.sending_.append_copy(session.wire_->blocks(), {reinterpret_cast<const char*>(head), kFrameHeadBytes});
    session.sending_.append(size == of.out_.size() ? std::move(of.out_) : of.out_.split(size));
    of.blocked_since_ = of.write_done_ ? session.now() : kNever;   // what is left of it waits anew
    return 0;
  }

  static nghttp2_session_callbacks* make() {
    nghttp2_session_callbacks* all = nullptr;
    CHECK(nghttp2_session_callbacks_new(&all) == 0);
    nghttp2_session_callbacks_set_on_begin_frame_callback(all, on_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(all, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(all, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(all, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(all, on_chunk);
    nghttp2_session_callbacks_set_on_stream_close_callback(all, on_close);
    nghttp2_session_callbacks_set_on_frame_send_callback(all, on_sent);
    nghttp2_session_callbacks_set_send_data_callback(all, on_send_data);
    return all;
  }
};

void H2Session::SessionDeleter::operator()(nghttp2_session* session) const { nghttp2_session_del(session); }

// Every limit that nghttp2 has of its own is set, above ours where both would act: ours is counted and has a name.
H2Session::H2Session(Role role, Wire& wire, const H2Limits& limits)
    : wire_(&wire), limits_(&limits), follower_(role == Role::server ? NGHTTP2_CLIENT_MAGIC_LEN : 0),
      server_(role == Role::server) {
  nghttp2_option* option = nullptr;
  CHECK(nghttp2_option_new(&option) == 0);
  nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_option_set_no_http_messaging(option, 1);   // h2_head.cc is the stricter reader, and can answer
  nghttp2_option_set_no_closed_streams(option, 1);
  nghttp2_option_set_max_reserved_remote_streams(option, 0);
  nghttp2_option_set_max_outbound_ack(option, size_t{limits.pings} + limits.settings + 1);
  nghttp2_option_set_max_settings(option, kSettingsMax);
  nghttp2_option_set_max_continuations(option, kFrameHeadBytes * (size_t{limits.continuations} + 1));   // it counts pieces of heads
  uint64_t resets = uint64_t{limits.resets} + limits.control_frames + 1;   // it counts those of answered streams too
  nghttp2_option_set_stream_reset_rate_limit(option, resets, resets);
  nghttp2_option_set_max_send_header_block_length(option, kSentHeaderBytesMax);
  nghttp2_option_set_max_deflate_dynamic_table_size(option, kHpackTableBytes);
  nghttp2_option_set_peer_max_concurrent_streams(option, kStreamsUntilSettings);
  nghttp2_session_callbacks* callbacks = H2Callbacks::make();
  nghttp2_session* session = nullptr;
  int made = server_ ? nghttp2_session_server_new2(&session, callbacks, this, option)
                     : nghttp2_session_client_new2(&session, callbacks, this, option);
  nghttp2_session_callbacks_del(callbacks);
  nghttp2_option_del(option);
  CHECK(made == 0);   // it fails for want of memory only
  session_.reset(session);
}

H2Session::~H2Session() {
  while (!open_.empty()) delete &open_.pop_front();
}

void H2Session::start() {
  std::array<nghttp2_settings_entry, 5> entries{{
      {NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, kHpackTableBytes},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
       static_cast<uint32_t>(limits_->head.header_bytes_max + limits_->head.line_bytes_max)},
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits_->streams},
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
      {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1},   // a server's: the last one
  }};
  if (!server_) entries[2] = {NGHTTP2_SETTINGS_ENABLE_PUSH, 0};
  nghttp2_submit_settings(session_.get(), NGHTTP2_FLAG_NONE, entries.data(), entries.size() - (server_ ? 0 : 1));
  nghttp2_session_set_local_window_size(session_.get(), NGHTTP2_FLAG_NONE, 0, kH2ConnectionWindow);
  flush();
  update_phase();
}

void H2Session::feed(const Slice& bytes) {
  if (finished_) return;
  bury();
  fed_at_ = now();
  if (!follower_.follow(bytes.view(), limits_->continuations)) {   // the fields in them are not worth decoding
    abuse_ = H2Abuse::continuations;
    return end_abused();
  }
  input_ = &bytes;
  busy_ = true;
  ssize_t taken = nghttp2_session_mem_recv(session_.get(), reinterpret_cast<const uint8_t*>(bytes.data), bytes.size);
  busy_ = false;
  input_ = nullptr;
  if (taken == NGHTTP2_ERR_FLOODED || taken == NGHTTP2_ERR_TOO_MANY_SETTINGS) abuse_ = H2Abuse::settings;
  flush();
  if (abuse_) return end_abused();
  // A broken frame or preface: GOAWAY says what was wrong.
  if (taken < 0) nghttp2_session_terminate_session(session_.get(), NGHTTP2_PROTOCOL_ERROR);
  if (taken < 0 || broken_) {
    return end(Finish::linger, {Code::bad_message, Side::gateway, Progress::sent, "broken HTTP/2"});
  }
  wake_blocked();
  end_if_done();
  update_phase();
}

void H2Session::flush() {
  if (busy_ || finished_) return;
  busy_ = true;
  while (true) {
    const uint8_t* bytes = nullptr;
    ssize_t size = nghttp2_session_mem_send(session_.get(), &bytes);
    CHECK(size >= 0);   // it fails for want of memory only
    if (size == 0) break;
    sending_.append_copy(wire_->blocks(), {reinterpret_cast<const char*>(bytes), static_cast<size_t>(size)});
  }
  busy_ = false;
  if (sending_.empty()) return;
  output_total_ += sending_.size();
  wire_->output(std::move(sending_));
  sending_ = {};
  check_queue();
}

// Frames that no window holds back (answers to PING and SETTINGS, heads) wait for somebody who reads nothing: then
// nothing more is read from him.
void H2Session::check_queue() {
  if (paused_ || output_total_ - wire_->bytes_written() <= kH2QueuedMax) return;
  paused_ = true;
  wire_->pause_input();
}

void H2Session::on_room() {
  ++turn_;
  if (finished_) return;
  if (paused_) {
    paused_ = false;
    wire_->resume_input();
  }
  wake_blocked();
}

void H2Session::wake_blocked() {
  if (!any_blocked_) return;
  any_blocked_ = false;
  H2Stream* first = nullptr;
  open_.each([&](H2Stream& stream) {
    if (!stream.blocked_) return;
    stream.blocked_ = false;
    if (stream.events_ == nullptr || stream.credit() == 0) return;
    if (first == nullptr) first = &stream;
    stream.events_->on_credit();
  });
  if (first == nullptr || open_count_ < 2) return;
  first->unlink();   // another one is the first next time
  open_.push_back(*first);
}

void H2Session::submit_data(H2Stream& stream) {
  if (!stream.data_submitted_) {
    nghttp2_data_provider provider{{}, H2Callbacks::on_read_data};
    provider.source.ptr = &stream;
    int submitted = nghttp2_submit_data(session_.get(), NGHTTP2_FLAG_END_STREAM, stream.id_, &provider);
    stream.data_submitted_ = submitted == 0;
  }
  if (stream.turn_ != turn_) {
    stream.turn_ = turn_;
    stream.burst_ = 0;
  }
  size_t before = stream.out_.size();
  flush();
  stream.burst_ += static_cast<uint32_t>(before - stream.out_.size());
  // nghttp2 holds back an empty frame too while a window is closed.
  bool waits = stream.write_done_ && !stream.end_sent_ && !stream.closed_;
  if (waits && stream.blocked_since_ == kNever) stream.blocked_since_ = now();
}

bool H2Session::takes_tunnels() const {
  return nghttp2_session_get_remote_settings(session_.get(), NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1;
}

int32_t H2Session::window() const { return nghttp2_session_get_remote_window_size(session_.get()); }

uint32_t H2Session::peer_streams_max() const {
  return nghttp2_session_get_remote_settings(session_.get(), NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

void H2Session::count(H2Abuse what) {
  if (!counts_.count(what, *limits_, now()) && !abuse_) abuse_ = what;
}

void H2Session::end_abused() {
  nghttp2_session_terminate_session(session_.get(), NGHTTP2_ENHANCE_YOUR_CALM);
  end(Finish::dismiss, {Code::bad_message, Side::gateway, Progress::sent, "HTTP/2 abused"});
}

void H2Session::end(Finish how, const Error& why) {
  if (finished_) return;
  if (how != Finish::abort) flush();
  finished_ = true;
  Error told = why;
  if (!is_own_doing(told.code)) told.side = server_ ? Side::client : Side::upstream;
  open_.each([&](H2Stream& stream) {
    told.progress = stream.head_read_ ? Progress::answered : stream.head_sent_ ? Progress::sent : Progress::unsent;
    tell_reset(stream, told);
  });
  on_ended();
  wire_->expect(Phase::none);
  wire_->finish(how);
}

void H2Session::end_if_done() {
  if (finished_ || busy_ || !leaving_ || last_call_ || !open_.empty()) return;
  submit_goaway(Last::seen);
  end(Finish::flush, {});
}

// A peer that takes no bytes is not told why: there is no room for it.
void H2Session::on_failed(Error why) {
  if (!finished_ && why.code == Code::stalled) abuse_ = H2Abuse::slow_read;
  end(Finish::abort, why);
}

void H2Session::on_timeout(Phase phase) {
  if (finished_) return;
  switch (phase) {
    case Phase::none: case Phase::body: return;
    case Phase::head:
      abuse_ = H2Abuse::slow_head;
      return end_abused();
    case Phase::last:
      last_call_ = false;
      open_.each([this](H2Stream& stream) { end_lingering(stream); });
      submit_goaway(Last::seen);
      break;
    case Phase::idle:
      leaving_ = true;
      break;
    case Phase::streams:
      phase_ = Phase::none;
      on_tick();
      flush();
      if (abuse_) return end_abused();
      break;
  }
  end_if_done();
  update_phase();
}

void H2Session::update_phase() {
  Phase next = open_count_ > 0 ? busy_phase() : Phase::idle;
  if (last_call_) next = Phase::last;
  if (in_head_) next = Phase::head;
  if (finished_ || next == phase_) return;
  phase_ = next;
  wire_->expect(next);
}

}  // namespace sluice::http

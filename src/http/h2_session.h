// HTTP/2 on one connection: what both sides share. The door to nghttp2, which knows frames, HPACK and windows; what may be
// done how often, and what messages mean, is decided here and in the two codecs of h2_codec.h.
//
// Windows become credit: what may be sent of a body is min(stream's window, connection's window, room of the wire, 64 KiB).
// The other way a stream's window opens when its receiver consumes, the connection's at once.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "http/codec.h"
#include "http/h2_follower.h"
#include "http/h2_head.h"
#include "http/h2_indexing.h"
#include "http/h2_limits.h"
#include "http/h2_stream.h"

struct nghttp2_session;

namespace sluice::http {

class H2Session : public Codec {
 public:
  ~H2Session() override;

  /// Sends our SETTINGS. Once, when the wire can take bytes.
  void start();
  void feed(const Slice& bytes) override;
  void on_failed(Error why) override;
  void on_write_failed(Error why) override { on_failed(why); }
  void on_room() override;
  void on_timeout(Phase phase) override;

  /// What the peer was closed for.
  std::optional<H2Abuse> abuse() const { return abuse_; }
  /// Under way; also those that are reset but not yet closed.
  size_t streams() const { return open_count_; }
  bool ended() const { return finished_; }
  /// The peer lets streams become tunnels (RFC 8441 section 3).
  bool takes_tunnels() const;

 protected:
  enum class Role : uint8_t { server, client };
  H2Session(Role role, Wire& wire, const H2Limits& limits);

  // What the two sides do differently, while bytes are fed.
  /// A whole header list has come (header_list_). `stream` is null when nobody has heard of `id`.
  virtual void on_header_list(int32_t id, H2Stream* stream, End end) = 0;
  /// The message is not as announced, or late.
  virtual void bad_message(H2Stream& stream, const Problem& problem) = 0;
  virtual Error reset_error(const H2Stream& stream, uint32_t code) const = 0;
  /// What is owed to nobody any more is reset with this code; nothing when the stream ends by itself.
  virtual std::optional<uint32_t> detach_code(const H2Stream& stream) = 0;
  /// Sets what it means for the body; gives the list to be sent.
  virtual const H2FieldWriter::Fields& write_head(H2Stream& stream, const Head& head) = 0;
  virtual void on_goaway() {}
  virtual void on_stream_over() {}
  virtual void on_settings() {}
  virtual void on_ended() {}
  virtual void on_tick() {}        // of Phase::streams
  virtual Phase busy_phase() const = 0;

  H2Stream& open_stream(int32_t id, StreamEvents* events);
  /// The head has been told of.
  void start_reading(H2Stream& stream, const Head& head, End end);
  void read_trailers(H2Stream& stream, End end);
  void tell_reset(H2Stream& stream, const Error& why);
  void submit_reset(const H2Stream& stream, uint32_t code);
  /// Of a stream that nobody receives any more, after our end: its peer gets a moment to read that, and to end it too. A
  /// reset at once could make him lose what he has not read, or be counted. Tunnels, requests whose length has come, but not
  /// their end, and responses without a body likewise.
  bool lingers(H2Stream& stream);
  bool may_linger(const H2Stream& stream) const;
  void end_lingering(H2Stream& stream);
  /// Its window has stayed closed for too long, or was opened in crumbs.
  bool is_stuck(const H2Stream& stream) const {
    if (stream.blocked_since_ == kNever) return false;
    return now() - std::min(stream.blocked_since_, stream.starved_since_) >= limits_->write_patience;
  }
  /// GOAWAY: `last` of what has come, or of what may still come.
  enum class Last : uint8_t { seen, any };
  void submit_goaway(Last last);
  void count(H2Abuse what);
  /// Whether its answer is whole, sent or received: a reset takes nothing back then.
  bool is_answered(const H2Stream& stream) const { return server_ ? stream.end_sent_ : stream.read_done_; }
  /// Whether a reset now takes back what was asked for a moment ago (CVE-2023-44487).
  bool would_be_rapid(const H2Stream& stream) const {
    return !is_answered(stream) && now() - stream.heard_at_ < kH2RapidWithin;
  }
  /// Frames what can be sent. Tells no stream of anything: it is called by them.
  void flush();
  /// Sends what is queued and ends the connection; streams are told `why`.
  void end(Finish how, const Error& why);
  void end_abused();
  /// Of somebody who leaves, as soon as no stream is open.
  void end_if_done();
  void update_phase();
  TimePoint now() const { return wire_->now(); }
  uint32_t peer_streams_max() const;
  /// The connection's, for what is sent.
  int32_t window() const;

  Wire* wire_;
  const H2Limits* limits_;
  H2HeaderList header_list_;
  H2FieldWriter writer_;
  H2Indexing indexing_;
  List<H2Stream, H2OpenTag> open_;
  std::optional<H2Abuse> abuse_;
  bool leaving_ = false;        // no stream is taken any more, by one side or the other
  bool last_call_ = false;      // GOAWAY is out, but what is on its way is still taken
  bool finished_ = false;
  TimePoint fed_at_{};          // when the peer was last heard

 private:
  friend class H2Stream;
  friend struct H2Callbacks;

  struct SessionDeleter {
    void operator()(nghttp2_session* session) const;
  };

  void on_data(H2Stream& stream, std::string_view bytes);
  void on_data_end(H2Stream& stream);
  void begin_tunnel(H2Stream& stream, StreamEvents& events);
  void on_data_sent(H2Stream& stream, size_t bytes);
  void on_end_sent(H2Stream& stream);
  void on_closed(H2Stream& stream, uint32_t code);
  void end_message(H2Stream& stream);
  void submit(H2Stream& stream, const H2FieldWriter::Fields& fields, End end);
  void submit_data(H2Stream& stream);
  void submit_trailers(H2Stream& stream, const Fields& trailers);
  void frame_trailers(int32_t id, const H2FieldWriter::Fields& fields);
  void frame_kept_trailers(H2Stream& stream);
  void let_go(H2Stream& stream);
  void retire(H2Stream& stream);
  void bury();
  void wake_blocked();
  void check_queue();

  std::unique_ptr<nghttp2_session, SessionDeleter> session_;
  H2AbuseCounts counts_;
  H2Follower follower_;
  const Slice* input_ = nullptr;     // being fed
  Chain sending_;
  std::vector<std::unique_ptr<H2Stream>> free_;
  std::vector<std::unique_ptr<H2Stream>> dead_;   // somebody may still hold them, until the turn is over
  uint64_t output_total_ = 0;
  uint32_t open_count_ = 0;
  uint32_t turn_ = 0;                // of the wire: what was queued before has left
  Phase phase_ = Phase::none;
  bool server_;
  bool goaway_sent_ = false;
  bool broken_ = false;              // GOAWAY is out, with what the peer did wrong
  bool busy_ = false;                // within the library
  bool in_head_ = false;             // of a header block some has come
  bool any_blocked_ = false;
  bool paused_ = false;
};

}  // namespace sluice::http

// One request/response pair on an HTTP/2 connection, either side. Made, kept and buried by its session.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/list.h"
#include "http/stream.h"

namespace sluice::http {

class H2Session;

class H2Stream final : public Stream, public ListHook<class H2OpenTag> {
 public:
  explicit H2Stream(H2Session& session) : session_(&session) {}

  void send_informational(const Head& head) override;
  void send_head(const Head& head, End end) override;
  void send_body(Chain bytes, End end) override;
  void send_trailers(const Fields& trailers) override;
  size_t credit() const override;
  void consume(size_t bytes) override;
  bool takes_tunnels() const override;
  void begin_tunnel(StreamEvents& events) override;
  void reset(Error why) override;
  void detach() override;

 private:
  friend class H2Session;
  friend class H2ServerCodec;
  friend class H2ClientCodec;
  friend struct H2Callbacks;

  /// Whether both ways carry bytes of another protocol: asked for by an extended CONNECT, or agreed on.
  enum class Tunnel : uint8_t { no, asked, open };

  bool sends() const;

  H2Session* session_;
  StreamEvents* events_ = nullptr;
  Head* head_ = nullptr;             // of what is received, in the arena of events_
  Chain out_;                        // not framed yet: empty but while it is being sent
  Chain early_;                      // of a tunnel that its receiver has not begun yet
  std::vector<std::pair<std::string, std::string>> trailers_;   // to follow it: their owner may be gone by then
  uint64_t left_ = 0;                // of the announced length
  size_t unconsumed_ = 0;
  TimePoint heard_at_{};             // when the last piece of the body came
  mutable TimePoint blocked_since_ = kNever;   // by a window; also its end, when nobody waits for that any more
  TimePoint starved_since_ = kNever;           // its window was opened in crumbs only
  int32_t id_ = 0;                   // 0: not known to the peer yet
  uint32_t turn_ = 0;                // in which `burst_` bytes were sent
  uint32_t burst_ = 0;
  uint8_t informational_ = 0;
  Method method_ = Method::unknown;
  Tunnel tunnel_ = Tunnel::no;
  bool counts_length_ : 1 = false;   // left_ holds
  bool early_end_ : 1 = false;       // behind early_ nothing comes
  bool head_read_ : 1 = false;
  bool read_done_ : 1 = false;       // the message is whole, or nobody wants what comes
  bool head_sent_ : 1 = false;
  bool bodyless_ : 1 = false;        // what is sent has none, whatever is handed over
  bool write_done_ : 1 = false;      // its end was handed over
  bool end_sent_ : 1 = false;        // and was framed
  bool data_submitted_ : 1 = false;
  bool closed_ : 1 = false;          // it is over for both sides
  mutable bool blocked_ : 1 = false; // credit() was 0 when last asked
};

}  // namespace sluice::http

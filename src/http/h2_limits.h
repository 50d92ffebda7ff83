// What a peer may do on one HTTP/2 connection. Every limit is ours and has a name; nghttp2's built-in ones are set
// from them (h2_session.cc).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"
#include "http/h1_parser.h"
#include "http/h2_abuse.h"

namespace sluice::http {

/// The first ones are counted in spans of this length.
inline constexpr Duration kH2CountedSpan = std::chrono::seconds(10);
/// A header block of this many times the limit of headers is no mistake any more.
inline constexpr size_t kH2HeaderAbuse = 4;

/// For the peer's body bytes of one stream; what is not consumed stays within it.
inline constexpr uint32_t kH2StreamWindow = 64 * 1024 - 1;   // the protocol's own: in force before our SETTINGS arrive
/// For all bodies of a connection. It opens on receipt, so it holds nobody back; large, because each opening is a frame.
inline constexpr int32_t kH2ConnectionWindow = 1024 * 1024;
/// A window that is opened by less than this, and used up, is one opened in crumbs: 64 of them make a piece of a body.
inline constexpr size_t kH2CrumbsBelow = 1024;
/// A reset is rapid that comes so soon after what was asked for. Later ones are bounded by the streams that may be open: at a
/// deadline of gRPC, say, or when a page with an event stream is left.
inline constexpr Duration kH2RapidWithin = std::chrono::seconds(1);
/// Frames queued for a peer that takes nothing: beyond it nothing more is read from him.
inline constexpr size_t kH2QueuedMax = 512 * 1024;   // twice what bodies may fill of it

/// HPACK's table of the peer's header fields, and the most of ours that he may ask for: the protocol's default.
inline constexpr uint32_t kHpackTableBytes = 4096;
/// That an upstream takes before it has said how many it does (RFC 9113 section 6.5.2 asks for no less).
inline constexpr uint32_t kStreamsUntilSettings = 100;

/// What a session holds beside blocks, an estimate for memory_max: frames, HPACK's tables.
inline constexpr size_t kH2Bytes = 24 * 1024;

struct H2Limits {
  H1Limits head;                     // of each message, counted after decompression
  uint32_t streams = 128;            // at a time
  uint32_t resets = 500;             // these five in kH2CountedSpan
  uint32_t pings = 1'000;
  uint32_t settings = 100;
  uint32_t empty_frames = 1'000;
  uint32_t control_frames = 10'000;
  uint32_t continuations = 8;
  uint32_t stalls = 16;              // in kH2CountedSpan
  Duration body_patience = std::chrono::seconds(30);    // between two pieces of a body that we wait for
  Duration write_patience = std::chrono::seconds(30);   // with a window that stays closed

  uint32_t most(H2Abuse of) const {
    switch (of) {
      case H2Abuse::resets: return resets;
      case H2Abuse::pings: return pings;
      case H2Abuse::settings: return settings;
      case H2Abuse::empty_frames: return empty_frames;
      case H2Abuse::control_frames: return control_frames;
      case H2Abuse::stalls: return stalls;
      case H2Abuse::continuations: case H2Abuse::header_bytes: case H2Abuse::slow_head:
      case H2Abuse::slow_read: break;
    }
    return 0;
  }
};

/// Counts what a peer did in the span under way.
class H2AbuseCounts {
 public:
  /// gives: false when it is one too many
  bool count(H2Abuse what, const H2Limits& limits, TimePoint now) {
    if (now - since_ >= kH2CountedSpan) {
      counts_ = {};
      since_ = now;
    }
    return ++counts_[static_cast<size_t>(what)] <= limits.most(what);
  }
  /// `times` of them are made up for.
  void forgive(H2Abuse what, uint32_t times) {
    uint32_t& at = counts_[static_cast<size_t>(what)];
    at -= std::min(at, times);
  }

 private:
  std::array<uint32_t, kH2Abuses> counts_{};
  TimePoint since_{};
};

}  // namespace sluice::http

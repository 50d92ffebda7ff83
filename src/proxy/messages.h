// What a tunnel has beside itself when its route asks for messages to be looked at: both directions, and pings.
#pragma once

#include "proxy/message_flow.h"

namespace sluice::proxy {

/// Whether one side is still there: what comes from it, or the pong to a ping.
class Pulse {
 public:
  explicit Pulse(TimePoint now) : heard_(now) {}
  void heard(TimePoint now) {
    heard_ = now;
    asked_ = kNever;
  }
  void asked(TimePoint now) { asked_ = now; }
  enum class Needs : uint8_t { nothing, ping, end };
  /// `ping`: how long it may be silent, and again until it answers
  Needs needs(TimePoint now, Duration ping) const {
    if (asked_ != kNever) return asked_ + ping <= now ? Needs::end : Needs::nothing;
    return heard_ + ping <= now ? Needs::ping : Needs::nothing;
  }
  /// When to look again.
  TimePoint next(Duration ping) const { return (asked_ != kNever ? asked_ : heard_) + ping; }

 private:
  TimePoint heard_;
  TimePoint asked_ = kNever;   // when it was pinged and has not been heard since
};

struct Messages {
  struct Way {
    MessageFlow flow;
    Pulse pulse;
    bool judges = true;   // until a fault, or until all that comes is dropped
  };

  Messages(MessageRules& asked, const http::WsDeflate& deflate, TimePoint now, uint64_t own_ping, MemoryShare* share)
      : rules(&asked), ping(own_ping), client{{asked, Side::client, deflate, share}, Pulse(now)},
        upstream{{asked, Side::upstream, deflate, share}, Pulse(now)} {}

  TimePoint next_look() const {
    if (rules->ping() == Duration{}) return kNever;
    return std::min(client.pulse.next(rules->ping()), upstream.pulse.next(rules->ping()));
  }

  MessageRules* rules;
  uint64_t ping;   // payload of our pings
  Way client;
  Way upstream;
};

}  // namespace sluice::proxy

// What a Tunnel does with messages, where its route asks for it.
#include "proxy/tunnel.h"
#include "proxy/tunnels.h"

namespace sluice::proxy {

using http::WsClose;
using observe::TunnelEnd;

namespace {

constexpr size_t kPingFrameMax = 32;   // with header, mask and payload

TunnelEnd end_of(MessageFault fault, bool by_client) {
  switch (fault) {
    case MessageFault::size: return TunnelEnd::message_size;
    case MessageFault::rate: return TunnelEnd::message_rate;
    case MessageFault::type: return TunnelEnd::message_type;
    case MessageFault::protocol: case MessageFault::none: break;
  }
  return by_client ? TunnelEnd::client_protocol : TunnelEnd::upstream_protocol;
}

}  // namespace

MessageTunnel::MessageTunnel(TunnelGroup& group, TunnelParts parts)
    : Tunnel(group, std::move(parts)),   // `deflate` stays
      messages_(*group.rules, parts.deflate, group.home->parts().clock.now(), group.home->parts().random.next(),
                group.home->parts().blocks.share()) {}

// What comes from there. gives: null where frames are only followed
Messages::Way* Tunnel::way_of(const Flow& from) {
  Messages* own = messages();
  if (own == nullptr) return nullptr;
  return &from == &client_ ? &own->client : &own->upstream;
}

// What has come is judged when all that was judged before has gone: so no more is held than one message.
void Tunnel::judge(Flow& from, Flow& to) {
  Messages::Way& way = *way_of(from);
  const Engine::Parts& parts = group_->home->parts();
  while (way.judges && way.flow.waiting() && from.held.empty()) {
    MessageFault fault = way.flow.judge(parts.clock.now(), messages()->ping, from.held);
    if (size_t room = way.flow.take_room(); room > 0 && from.stream) from.stream->consume(room);
    move(from, to);
    if (way.flow.holds()) active_ = parts.clock.now();   // nothing has passed, but the side is not silent
    if (fault != MessageFault::none) refuse(fault, from, to);
  }
  way.flow.compact(parts.blocks);
}

void Tunnel::refuse(MessageFault fault, Flow& from, Flow& to) {
  Messages::Way& way = *way_of(from);
  drop_from_now(from);
  if (way.flow.within_passed() && to.stream) {   // nothing else tells that the frame is not whole
    std::exchange(to.stream, nullptr)->reset(Error{Code::cancelled, Side::gateway, Progress::answered, "frame not whole"});
    to.ended = true;
  }
  if (!closing_) blame(from, way.flow.code(), end_of(fault, &from == &client_));
}

// Ends the socket for what that side did.
void Tunnel::blame(const Flow& side, WsClose code, TunnelEnd why) {
  if (&side == &client_) client_blamed_ = true;
  else upstream_blamed_ = true;
  code_ = code;
  begin_close(why);
}

// Nothing of that side is judged any more, and nothing passes: move() drops it, and looks for its Close.
void Tunnel::drop_from_now(Flow& from) {
  Messages::Way* way = way_of(from);
  if (way == nullptr || !std::exchange(way->judges, false)) return;
  from.held.append(way->flow.take_rest());
}

// Pings a side that is silent, between two frames; ends the socket when it stays so.
void Tunnel::feel_pulse(Flow& side, Flow& other) {
  const Engine::Parts& parts = group_->home->parts();
  Messages& own = *messages();
  Pulse& pulse = way_of(side)->pulse;
  TimePoint now = parts.clock.now();
  if (own.rules->ping() == Duration{} || closing_) return;
  if (!side.held.empty()) return pulse.heard(now);   // what it says is not read: the other side takes nothing
  switch (pulse.needs(now, own.rules->ping())) {
    case Pulse::Needs::nothing: return;
    case Pulse::Needs::end: return blame(side, WsClose::going_away, TunnelEnd::no_pong);
    case Pulse::Needs::ping: break;
  }
  bool may = side.stream && !side.ended && !other.told && other.frames.at_boundary() && !other.frames.closed();
  if (!may || side.stream->credit() < kPingFrameMax) return pulse.heard(now);   // it is being sent something else
  auto mask = static_cast<uint32_t>(parts.random.next());
  Chain frame;
  http::write_ws_control(http::WsOpcode::ping, {reinterpret_cast<const char*>(&own.ping), sizeof(own.ping)},
                         &side == &upstream_ ? &mask : nullptr, parts.blocks, frame);
  side.stream->send_body(std::move(frame), http::End::no);
  pulse.asked(now);
}

}  // namespace sluice::proxy

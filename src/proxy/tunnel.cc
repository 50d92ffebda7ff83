#include "proxy/tunnel.h"

#include <algorithm>

#include "proxy/tunnels.h"

namespace sluice::proxy {

using http::End;
using http::WsClose;
using observe::TunnelEnd;

namespace {

constexpr size_t kCloseFrameMax = 128;   // a Close of ours with its header and mask

TunnelEnd end_of(Side side, const Error& why) {
  if (why.code == Code::stalled) return TunnelEnd::slow;
  if (why.code == Code::overloaded) return TunnelEnd::memory;
  if (why.code == Code::cancelled) return TunnelEnd::drained;
  return side == Side::client ? TunnelEnd::client_lost : TunnelEnd::upstream_lost;
}

std::string_view reason_text(TunnelEnd why) {
  switch (why) {
    case TunnelEnd::idle: return "idle";
    case TunnelEnd::expired: return "credential expired";
    case TunnelEnd::revoked: return "credential revoked";
    case TunnelEnd::route_changed: return "configuration changed";
    case TunnelEnd::drained: return "gateway restarts";
    case TunnelEnd::operator_: return "closed by the operator";
    case TunnelEnd::client_protocol: case TunnelEnd::upstream_protocol: return "protocol error";
    case TunnelEnd::message_size: return "message too large";
    case TunnelEnd::message_rate: return "too many messages";
    case TunnelEnd::message_type: return "message type not allowed";
    case TunnelEnd::no_pong: return "no pong";
    case TunnelEnd::client: case TunnelEnd::upstream: case TunnelEnd::client_lost: case TunnelEnd::upstream_lost:
    case TunnelEnd::slow: case TunnelEnd::memory: return "other side lost";
  }
  return {};
}

}  // namespace

template <Side kSide>
Arena& TunnelEvents<kSide>::arena() {
  CHECK(false);
  return *static_cast<Arena*>(nullptr);
}

template <Side kSide>
void TunnelEvents<kSide>::on_body(Chain bytes) {
  auto& tunnel = static_cast<Tunnel&>(*this);
  tunnel.arrived(kSide, std::move(bytes));
  tunnel.ready();
}

template <Side kSide>
void TunnelEvents<kSide>::on_end() {
  auto& tunnel = static_cast<Tunnel&>(*this);
  (kSide == Side::client ? tunnel.client_ : tunnel.upstream_).ended = true;
  tunnel.ready();
}

template <Side kSide>
void TunnelEvents<kSide>::on_credit() {
  static_cast<Tunnel&>(*this).ready();
}

template <Side kSide>
void TunnelEvents<kSide>::on_reset(Error why) {
  auto& tunnel = static_cast<Tunnel&>(*this);
  Tunnel::Flow& flow = kSide == Side::client ? tunnel.client_ : tunnel.upstream_;
  flow.stream = nullptr;
  flow.ended = true;
  if (!tunnel.decided_) tunnel.why_ = end_of(kSide, why);
  tunnel.decided_ = true;
  tunnel.ready();
}

Tunnel::Tunnel(TunnelGroup& group, TunnelParts parts)
    : Task(group.home->parts().scheduler), group_(&group), endpoint_(parts.endpoint),
      began_(group.home->parts().clock.now()), active_(began_), ends_at_(parts.expires), names_(std::move(parts.names)),
      tenure_(std::move(parts.tenure)), over_h2_(parts.client_version == http::Version::h2) {
  client_.stream = &parts.client;
  upstream_.stream = parts.upstream;
  upstream_.held = std::move(parts.early);
  upstream_.ended = parts.upstream_ended || parts.upstream == nullptr;
}

void Tunnel::start() {
  if (messages()) arrived(Side::upstream, std::move(upstream_.held));
  client_.stream->begin_tunnel(static_cast<TunnelEvents<Side::client>&>(*this));
  if (upstream_.stream) {
    upstream_.stream->begin_tunnel(static_cast<TunnelEvents<Side::upstream>&>(*this));
  } else {
    why_ = TunnelEnd::upstream_lost;
    decided_ = true;
  }
  arm();
  ready();
}

void Tunnel::end_at(TimePoint at, TunnelEnd why) {
  if (closing_ || at >= ends_at_) return;
  ends_at_ = at;
  ends_why_ = why;
  arm();
}

void Tunnel::keep(std::unique_ptr<policy::Tenure> tenure) {
  if (!tenure) return;
  tenure->next = std::move(tenure_);
  tenure_ = std::move(tenure);
}

void Tunnel::arrived(Side side, Chain bytes) {
  Flow& flow = side == Side::client ? client_ : upstream_;
  Messages::Way* way = way_of(flow);
  if (way == nullptr) return flow.held.append(std::move(bytes));
  way->pulse.heard(group_->home->parts().clock.now());
  if (way->judges) return way->flow.arrived(std::move(bytes));
  flow.held.append(std::move(bytes));
}

Next Tunnel::advance() {
  if (due_ && look_at_clock()) return finish();
  bool lost = client_.stream == nullptr || upstream_.stream == nullptr;
  if (lost && !closing_) begin_close(why_);
  move(client_, upstream_);
  move(upstream_, client_);
  if (messages()) {
    judge(client_, upstream_);
    judge(upstream_, client_);
  }
  if (closing_) {
    close(upstream_, client_);
    close(client_, upstream_);
    return over(client_) && over(upstream_) ? finish() : Next::wait;
  }
  pass_end(client_, upstream_, TunnelEnd::client);
  pass_end(upstream_, client_, TunnelEnd::upstream);
  if (client_.told && upstream_.told) return finish();
  if (!parting_ && client_.frames.closed() && upstream_.frames.closed()) {
    parting_ = true;
    ends_at_ = group_->home->parts().clock.now() + kFarewell;
    arm();
  }
  return Next::wait;
}

// What the other side takes, frame after frame; while we close, up to the end of the frame under way.
void Tunnel::move(Flow& from, Flow& to) {
  if (from.held.empty()) return;
  Tunnels& home = *group_->home;
  Messages::Way* way = way_of(from);
  while (!from.held.empty()) {
    bool drops = to.stream == nullptr || to.close_sent || from.told;
    bool stops = closing_ && !drops && from.stream != nullptr;   // of one that is lost all goes on that came
    if (stops && from.frames.at_boundary()) break;
    size_t most = drops ? from.held.size() : std::min(from.held.size(), to.stream->credit());
    if (most == 0) break;
    active_ = home.parts().clock.now();
    size_t part = follow(from, most, stops);
    Chain bytes = part == from.held.size() ? std::move(from.held) : from.held.split(part);
    // Consumed before sending: the stream's room, not ours, is what holds the sender back.
    size_t given = way ? way->flow.given_before(part) : 0;
    if (from.stream && part > given) from.stream->consume(part - given);
    if (drops) continue;
    from.bytes += part;
    home.count(*group_, &from == &client_ ? Side::client : Side::upstream, part);
    to.stream->send_body(std::move(bytes), End::no);
  }
  from.held.compact(home.parts().blocks);
}

// gives: how many of the first `bytes` of what is held to take
size_t Tunnel::follow(Flow& from, size_t bytes, bool one_frame) {
  if (one_frame) return from.frames.next(from.held.front().substr(0, bytes));
  size_t left = bytes;
  from.held.each([&](const Slice& slice) {
    std::string_view part = slice.view().substr(0, left);
    left -= part.size();
    from.frames.follow(part);
  });
  return bytes;
}

// Notes who closes first, and passes a half-close on.
void Tunnel::pass_end(Flow& from, Flow& to, TunnelEnd why) {
  bool ends = from.ended && from.held.empty();
  if (!decided_ && (ends || from.frames.closed())) {
    why_ = why;
    decided_ = true;
  }
  if (!ends || from.told || to.stream == nullptr) return;
  from.told = true;
  to.stream->send_body({}, End::yes);
}

void Tunnel::begin_close(TunnelEnd why) {
  if (!decided_) why_ = why;
  decided_ = closing_ = true;
  if (!blames()) code_ = code();
  ends_at_ = group_->home->parts().clock.now() + kCloseWait;
  arm();
  if (upstream_.stream == nullptr) leave_endpoint();
}

// Puts a Close between two frames of `from`, for `to`.
void Tunnel::close(Flow& from, Flow& to) {
  if (to.close_sent || to.stream == nullptr || from.told) return;
  bool whole = from.frames.at_boundary() && (from.stream != nullptr || from.held.empty());
  if (!whole) return;
  if (!from.frames.closed()) {   // otherwise it has had one
    if (to.stream->credit() < kCloseFrameMax) return;
    const Engine::Parts& parts = group_->home->parts();
    auto mask = static_cast<uint32_t>(parts.random.next());
    Chain frame;
    std::string_view reason = blames() && !blames(to) ? "other side at fault" : reason_text(why_);
    http::write_close(code_for(to), reason, &to == &upstream_ ? &mask : nullptr, parts.blocks, frame);
    to.stream->send_body(std::move(frame), End::no);
  }
  to.close_sent = true;
  drop_from_now(from);
  move(from, to);   // what is dropped now may hold its Close
}

WsClose Tunnel::code() const {
  switch (why_) {
    case TunnelEnd::expired: case TunnelEnd::revoked: return WsClose::policy;
    case TunnelEnd::route_changed: case TunnelEnd::drained: case TunnelEnd::operator_: return WsClose::service_restart;
    case TunnelEnd::client: case TunnelEnd::upstream: case TunnelEnd::client_lost: case TunnelEnd::upstream_lost:
    case TunnelEnd::slow: case TunnelEnd::idle: case TunnelEnd::memory: break;
    case TunnelEnd::client_protocol: case TunnelEnd::upstream_protocol: case TunnelEnd::message_size:
    case TunnelEnd::message_rate: case TunnelEnd::message_type: case TunnelEnd::no_pong: break;   // blame() has said it
  }
  return upstream_.stream == nullptr ? WsClose::internal_error : WsClose::going_away;
}

WsClose Tunnel::code_for(const Flow& side) const {
  if (!blames() || blames(side)) return code_;
  return &side == &client_ ? WsClose::internal_error : WsClose::going_away;
}

// While we close: that side has had our Close and said its own, or can do neither. With nobody on the other side what
// it still says is not waited for: its connection lingers.
bool Tunnel::over(const Flow& side) const {
  if (side.stream == nullptr) return true;
  const Flow& other = &side == &client_ ? upstream_ : client_;
  bool had_ours = side.close_sent || other.told;
  return had_ours && (side.ended || side.frames.closed() || other.stream == nullptr);
}

// gives: true when the end is there
bool Tunnel::look_at_clock() {
  due_ = false;
  TimePoint now = group_->home->parts().clock.now();
  if (ends_at_ <= now) {
    if (closing_ || parting_) return true;
    begin_close(ends_why_);
  } else if (active_ + group_->idle <= now && !closing_) {
    begin_close(TunnelEnd::idle);
  } else if (messages() && !closing_) {
    feel_pulse(client_, upstream_);
    feel_pulse(upstream_, client_);
  }
  arm();
  return false;
}

// Of bytes that move the timer learns when it fires.
void Tunnel::arm() {
  const Engine::Parts& parts = group_->home->parts();
  TimePoint next = closing_ ? ends_at_ : std::min(ends_at_, active_ + group_->idle);
  if (const Messages* own = closing_ ? nullptr : messages()) next = std::min(next, own->next_look());
  timer_.start(parts.timers, next, *this);
}

void Tunnel::on_timer(Timer&) {
  due_ = true;
  ready();
}

Next Tunnel::finish() {
  timer_.stop();
  leave(upstream_, client_);
  leave(client_, upstream_);
  leave_endpoint();
  write_logs();
  group_->home->remove(*group_, *this, why_);   // destroys this
  return Next::stop;
}

// Lets go of `to`. A frame that cannot be completed ends in a reset: nothing else tells that it is not whole.
void Tunnel::leave(Flow& from, Flow& to) {
  http::Stream* stream = std::exchange(to.stream, nullptr);
  if (stream == nullptr) return;
  bool broken = !from.told && !to.close_sent && !from.frames.at_boundary();
  if (broken) return stream->reset(Error{Code::cancelled, Side::gateway, Progress::answered, "tunnel ended"});
  if (!from.told) stream->send_body({}, End::yes);
  stream->detach();
}

void Tunnel::leave_endpoint() {
  if (endpoint_ == nullptr) return;
  group_->upstream->release(*std::exchange(endpoint_, nullptr), upstream::Outcome::served);
}

observe::AccessRecord Tunnel::look(observe::AuditRecord& audit) const {
  const Engine::Parts& parts = group_->home->parts();
  Duration lasted = parts.clock.now() - began_;
  observe::AccessRecord record;
  names_.tell(record, audit);
  record.time = parts.clock.wall() - std::chrono::duration_cast<WallTime::duration>(lasted);
  record.method = http::method_name(http::Method::get);
  record.version = http::version_name(over_h2_ ? http::Version::h2 : http::Version::h1_1);
  record.status = over_h2_ ? 200 : 101;
  record.request_bytes = client_.bytes;
  record.response_bytes = upstream_.bytes;
  record.duration = std::chrono::duration_cast<std::chrono::microseconds>(lasted);
  record.route = group_->route->name;
  record.upstream = group_->route->upstream->name;
  if (endpoint_ != nullptr) record.endpoint = endpoint_->name();
  return record;
}

void Tunnel::write_logs() {
  observe::AuditRecord audit;
  observe::AccessRecord record = look(audit);
  record.closed = observe::kTunnelEndLabels[static_cast<size_t>(why_)];
  // Who said Close first said the code, however the connections ended then; else the Close was ours.
  const Flow* first = why_ == TunnelEnd::client ? &client_ : why_ == TunnelEnd::upstream ? &upstream_ : nullptr;
  bool own = first != nullptr && (first->frames.closed() || !closing_);
  record.close_code = own ? first->frames.code() : static_cast<uint16_t>(code_);
  group_->home->write_logs(record, audit);
}

template class TunnelEvents<Side::client>;
template class TunnelEvents<Side::upstream>;

}  // namespace sluice::proxy

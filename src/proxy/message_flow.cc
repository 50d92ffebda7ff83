#include "proxy/message_flow.h"

#include <algorithm>
#include <cstring>

namespace sluice::proxy {

using http::WsClose;
using http::WsOpcode;

namespace {

constexpr size_t kPieceBytes = 4096;    // unmasked, or inflated, at a time: on the stack
constexpr size_t kTextKept = 1024;      // for the next message; what a larger one took is given back

}  // namespace

MessageFlow::MessageFlow(MessageRules& rules, Side from, const http::WsDeflate& deflate, MemoryShare* share)
    : rules_(&rules), reader_(rules.frames(from), deflate.agreed), share_(share), from_(from), holds_(from == Side::client && rules.types()) {
  if (!deflate.agreed) return;
  inflater_ = std::make_unique<http::WsInflater>(from == Side::client ? deflate.client : deflate.upstream, share);
}

MessageFlow::~MessageFlow() {
  if (share_) share_->give(text_room_);
}

MessageFault MessageFlow::judge(TimePoint now, uint64_t own_ping, Chain& out) {
  while (!fresh_.empty() && fault_ == MessageFault::none) {
    if (reader_.closed()) return ignore_fresh();
    judge_slice(now, own_ping, out);
  }
  size_t held = frame_.size() + message_.size();
  if (held > given_) {
    room_ += held - given_;
    given_ = held;
  }
  return fault_;
}

// A side that has said Close may still answer pings; nobody waits for it.
MessageFault MessageFlow::ignore_fresh() {
  room_ += fresh_.size();
  fresh_.clear();
  return MessageFault::none;
}

// The first slice, or up to a frame that does not simply pass.
void MessageFlow::judge_slice(TimePoint now, uint64_t own_ping, Chain& out) {
  std::string_view view = fresh_.front();
  size_t pass = 0;   // of its bytes, so many pass
  for (size_t at = 0; at < view.size();) {
    size_t used = 0;
    Fate what = step(view.substr(at), used, now, own_ping);
    if (fault_ != MessageFault::none) break;
    at += used;
    if (what == Fate::wait) continue;
    if (what == Fate::pass) {
      out.append(std::move(frame_));   // its beginning, from slices before
      pass = at;
      if (reader_.closed()) break;
      continue;
    }
    out.append(fresh_.split(pass));
    frame_.append(fresh_.split(at - pass));
    if (what == Fate::drop) return drop_frame();
    message_.append(std::move(frame_));
    if (what == Fate::let_go) out.append(std::move(message_));
    return;
  }
  out.append(fresh_.split(pass));
  if (fault_ == MessageFault::none && !reader_.closed()) frame_.append(fresh_.split(view.size() - pass));
}

// A header, or payload up to the end of its frame.
MessageFlow::Fate MessageFlow::step(std::string_view bytes, size_t& used, TimePoint now, uint64_t own_ping) {
  if (reader_.left() == 0) {
    bool whole = read_header(bytes, used);
    if (!whole || !begin_frame(now) || reader_.left() > 0) return Fate::wait;
  } else {
    used = static_cast<size_t>(std::min<uint64_t>(reader_.left(), bytes.size()));
    if (!see(bytes.substr(0, used))) return Fate::wait;
  }
  Fate what = fate(own_ping);
  passed_ = what == Fate::pass && reader_.left() > 0;
  return what;
}

// gives: false when it is not whole yet
bool MessageFlow::read_header(std::string_view bytes, size_t& used) {
  if (header_bytes_ == 0 && http::parse_ws_header(bytes, header_)) {
    used = header_.size;
    return true;
  }
  while (used < bytes.size()) {
    partial_[header_bytes_++] = bytes[used++];
    if (!http::parse_ws_header({partial_, header_bytes_}, header_)) continue;
    header_bytes_ = 0;
    return true;
  }
  return false;
}

bool MessageFlow::begin_frame(TimePoint now) {
  echoed_ = 0;
  if (!good(reader_.begin(header_))) return false;
  if (reader_.control()) return true;
  if (header_.opcode != static_cast<uint8_t>(WsOpcode::continuation) && !begin_message(now)) return false;
  if (holds_ && ++fragments_ > kHeldFragmentsMax) return fail(MessageFault::size, WsClose::too_big);
  if (reader_.left() > 0 || !reader_.ends_message()) return true;
  return reader_.compressed() ? see({}) : end_message();
}

bool MessageFlow::begin_message(TimePoint now) {
  fragments_ = 0;
  if (from_ == Side::upstream) return true;
  if (const policy::LimitRule* rate = rules_->rate()) {
    policy::Charged charged = policy::charge(*rate, rate_word_, policy::limit_time(now), 1, policy::Charge::take);
    rate_word_ = charged.word;
    if (!charged.standing.allowed) return fail(MessageFault::rate, WsClose::policy);
  }
  return !holds_ || reader_.text() || fail(MessageFault::type, WsClose::unsupported);
}

bool MessageFlow::see(std::string_view bytes) {
  if (!reader_.control() && !reader_.compressed() && !reader_.sees()) {
    if (!good(reader_.skip(bytes.size()))) return false;
    return reader_.left() > 0 || !reader_.ends_message() || end_message();
  }
  if (!header_.masked || bytes.empty()) return see_plain(bytes);
  do {
    char plain[kPieceBytes];
    size_t size = std::min(bytes.size(), sizeof(plain));
    std::memcpy(plain, bytes.data(), size);
    http::apply_ws_mask(plain, size, header_.key, reader_.taken());
    if (!see_plain({plain, size})) return false;
    bytes.remove_prefix(size);
  } while (!bytes.empty());
  return true;
}

bool MessageFlow::see_plain(std::string_view bytes) {
  bool last = bytes.size() == reader_.left() && reader_.ends_message();
  if (reader_.control()) {
    auto at = static_cast<size_t>(reader_.taken());
    if (at < sizeof(echoed_)) {
      std::memcpy(reinterpret_cast<char*>(&echoed_) + at, bytes.data(), std::min(bytes.size(), sizeof(echoed_) - at));
    }
    return good(reader_.payload(bytes));
  }
  if (reader_.compressed()) {
    if (!inflate(bytes) || (last && !inflate(http::WsInflater::kTail))) return false;
    if (!good(reader_.skip(bytes.size()))) return false;
  } else {
    if (!good(reader_.payload(bytes))) return false;
    if (holds_) keep(bytes);
  }
  return !last || end_message();
}

bool MessageFlow::inflate(std::string_view bytes) {
  using State = http::WsInflater::State;
  State state = State::room_full;
  while (state == State::room_full) {
    char room[kPieceBytes];
    size_t made = 0;
    state = inflater_->run(bytes, room, sizeof(room), made);
    if (!good(reader_.inflated({room, made}))) return false;
    if (state == State::broken) return good(WsClose::bad_data);
    if (holds_) keep({room, made});
  }
  return true;
}

void MessageFlow::keep(std::string_view bytes) {
  text_.append(bytes);
  if (text_.capacity() != text_room_) count_text();
}

// A few bytes of a message may say that it is a large one: what they come to is traffic's memory too.
void MessageFlow::count_text() {
  if (share_) share_->give(text_room_);
  text_room_ = text_.capacity();
  if (share_) share_->take(text_room_);
}

bool MessageFlow::end_message() {
  if (reader_.compressed()) inflater_->end_message();
  if (!holds_) return true;
  bool allowed = rules_->allows(text_);
  if (text_.capacity() > kTextKept) std::string().swap(text_);   // `= {}` would keep its memory
  text_.clear();
  count_text();
  return allowed || fail(MessageFault::type, WsClose::policy);
}

bool MessageFlow::good(WsClose code) {
  if (code == WsClose::none) return true;
  return fail(code == WsClose::too_big ? MessageFault::size : MessageFault::protocol, code);
}

bool MessageFlow::fail(MessageFault fault, WsClose code) {
  fault_ = fault;
  code_ = code;
  return false;
}

MessageFlow::Fate MessageFlow::fate(uint64_t own_ping) const {
  if (reader_.left() > 0) return reader_.control() || holds_ ? Fate::wait : Fate::pass;
  if (reader_.control()) {
    bool ours = reader_.opcode() == WsOpcode::pong && header_.length == sizeof(echoed_) && echoed_ == own_ping;
    return ours ? Fate::drop : Fate::pass;
  }
  if (!holds_) return Fate::pass;
  return reader_.ends_message() ? Fate::let_go : Fate::hold;
}

void MessageFlow::drop_frame() {
  room_ += frame_.size() - given_before(frame_.size());
  frame_.clear();
}

size_t MessageFlow::given_before(size_t bytes) {
  size_t given = std::min(bytes, given_);
  given_ -= given;
  return given;
}

Chain MessageFlow::take_rest() {
  Chain out = std::move(message_);
  out.append(std::move(frame_));
  out.append(std::move(fresh_));
  return out;
}

void MessageFlow::compact(BlockPool& blocks) {
  frame_.compact(blocks);
  message_.compact(blocks);
  fresh_.compact(blocks);
}

}  // namespace sluice::proxy

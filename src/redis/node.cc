#include "redis/node.h"

#include <utility>

#include "redis/command.h"

namespace sluice::redis {
namespace {

Error unsent(Code code, const char* what) {
  return Error{code, Side::upstream, Progress::unsent, what};
}

}  // namespace

std::string Place::to_string() const {
  if (!unix_path.empty()) return "unix:" + unix_path;
  bool v6 = host.find(':') != host.npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Node::Node(const Parts& parts, const Options& options, std::vector<Place> places, Role role, Owner& owner)
    : parts_(parts), options_(&options), owner_(&owner), places_(std::move(places)),
      link_(parts.loop, parts.tls_io, *this), ping_(*this), role_(role) {
  if (parts.resolver != nullptr) query_.emplace(*parts.resolver);
}

Greeting Node::greeting() const {
  Greeting greeting;
  bool has_databases = role_ == Role::server || role_ == Role::master;
  greeting.database = has_databases ? options_->database : 0;
  greeting.as_master = role_ == Role::master;
  if (options_->logins == nullptr) return greeting;
  greeting.logins = options_->logins->current();
  greeting.login = role_ == Role::sentinel ? &greeting.logins->sentinel : &greeting.logins->server;
  return greeting;
}

void Node::start() {
  if (state_ == State::rest && !places_.empty()) begin_round(State::connecting);
}

void Node::move_to(std::vector<Place> places) {
  places_ = std::move(places);
  place_ = 0;
  elsewhere_ = false;
  circuit_.reset();
  if (query_) query_->stop();
  // First the new state, then the news: who is told may ask again at once.
  begin_round(State::connecting);
}

void Node::submit(Request& request) {
  DCHECK(accepts());
  if (state_ == State::up) return link_.send(request);
  waiting_.push_back(request);
  start();
}

void Node::stop() {
  const Error why{Code::cancelled, Side::gateway, Progress::unsent, "shutting down"};
  state_ = State::away;
  timer_.stop();
  if (query_) query_->stop();
  link_.close(why);
  lose_waiting(why);
}

void Node::answered() { circuit_.answered(); }

void Node::missed(const char* why) {
  if (state_ == State::up && circuit_.missed()) go_away(unsent(Code::timeout, why));
}

void Node::unsuitable(const char* why) {
  if (state_ != State::up) return;
  elsewhere_ = true;
  go_away(unsent(Code::bad_value, why));
}

// Every place, and every address of a name, once: the last one's failure ends the round.
void Node::begin_round(State state) {
  state_ = state;
  places_left_ = places_.size();
  if (std::exchange(elsewhere_, false)) place_ = (place_ + 1) % places_.size();
  link_.close(unsent(Code::cancelled, "another connection takes its place"));
  begin_place();
}

void Node::begin_place() {
  const Place& at = place();
  --places_left_;
  addresses_.clear();
  address_ = 0;
  attempt_error_ = {};
  timer_.start(parts_.loop.timers(), now() + options_->connect_timeout, *this);
  if (!at.unix_path.empty()) {
    addresses_.push_back(net::SocketAddress::unix_path(at.unix_path));
  } else if (auto ip = IpAddress::parse(at.host)) {
    addresses_.emplace_back(*ip, at.port);
  } else if (query_) {
    return query_->start(at.host, net::AddressFamily::any, *this);
  }
  try_address();
}

void Node::on_resolved(Result<net::Resolved> result) {
  if (!result) return fail_attempt(result.error());
  for (const IpAddress& ip : result->addresses) addresses_.emplace_back(ip, place().port);
  try_address();
}

// A failure here is told by the timer, never inside the call.
void Node::try_address() {
  attempt_error_ = unsent(Code::resolve_failed, "a name, and nobody to ask for its address");
  if (address_ < addresses_.size()) {
    LinkTarget target;
    target.address = addresses_[address_];
    if (options_->tls) {
      target.tls = options_->tls->current();
      target.server_name = options_->tls_name.empty() ? place().host : options_->tls_name;
    }
    parts_.counters.connects.add();
    Result<void> begun = link_.connect(target, greeting());
    attempt_error_ = begun ? Error{} : begun.error();
  }
  Duration patience = attempt_error_ ? Duration{} : options_->connect_timeout;
  timer_.start(parts_.loop.timers(), now() + patience, *this);
}

void Node::fail_attempt(const Error& why) {
  trouble_ = why.what;
  link_.close(why);
  if (++address_ < addresses_.size()) return try_address();
  place_ = (place_ + 1) % places_.size();
  if (places_left_ > 0) return begin_place();
  go_away(why);
}

void Node::on_link_open() {
  state_ = State::up;
  opened_at_ = now();
  replies_seen_ = link_.replies();
  timer_.start(parts_.loop.timers(), now() + kLivenessEvery, *this);
  while (!waiting_.empty()) link_.send(waiting_.pop_front());
  owner_->on_node_up(*this);
}

void Node::on_link_failed(const Error& why) {
  if (state_ != State::up) return fail_attempt(why);
  trouble_ = why.what;
  bool was_good = now() - opened_at_ >= kGoodLife && !circuit_.half_open();
  if (!was_good) return go_away(why);
  begin_round(State::connecting);
  owner_->on_node_lost(*this);
}

void Node::go_away(const Error& why) {
  trouble_ = why.what;
  state_ = State::away;
  timer_.start(parts_.loop.timers(), now() + circuit_.open(parts_.random), *this);
  owner_->on_node_away(*this);
  link_.close(why);
  lose_waiting(why);
}

void Node::lose_waiting(const Error& why) {
  Error lost = why;
  lost.progress = Progress::unsent;
  Requests gone;   // who is told may ask again
  gone.splice_back(waiting_);
  while (!gone.empty()) gone.pop_front().on_lost(lost);
}

void Node::on_timer(Timer&) {
  switch (state_) {
    case State::rest: return;
    case State::connecting:
    case State::probing: {
      Error late = unsent(Code::connect_timeout, "no connection in time");
      if (query_) query_->stop();
      return fail_attempt(attempt_error_ ? attempt_error_ : late);
    }
    case State::up: return check_liveness();
    case State::away: return begin_round(State::probing);
  }
}

// What was asked since the last look has no answer yet: nobody is there. Where nothing was asked, PING is.
void Node::check_liveness() {
  bool silent = link_.replies() == replies_seen_;
  replies_seen_ = link_.replies();
  if (silent && !link_.idle()) return go_away(unsent(Code::timeout, kSilent));
  timer_.start(parts_.loop.timers(), now() + kLivenessEvery, *this);
  if (!silent || ping_.linked()) return;
  encode(parts_.loop.blocks(), ping_.bytes, {"PING"});
  link_.send(ping_);
}

}  // namespace sluice::redis

#include "redis/link.h"

#include <utility>

#include "base/text.h"
#include "net/tcp.h"
#include "redis/command.h"

namespace sluice::redis {
namespace {

constexpr size_t kComplaintBytesMax = 120;

Error lost(Code code, const char* what) { return Error{code, Side::upstream, Progress::sent, what}; }

}  // namespace

Result<void> Link::connect(const LinkTarget& target, const Greeting& greeting) {
  DCHECK(!transport_);
  greeting_ = greeting;
  complaint_.clear();
  reader_.reset();
  ++connection_;
  Result<net::TransportPtr> made =
      target.tls ? net::connect_tls(*tls_io_, {target.address, target.tls, target.server_name}, *this)
                 : net::connect_socket(*loop_, target.address, *this);
  if (!made) return made.error();
  transport_ = *std::move(made);
  return {};
}

void Link::on_open() { greet(); }

// All at once: the answers tell which part was wrong.
void Link::greet() {
  BlockPool& pool = loop_->blocks();
  steps_.clear();
  if (greeting_.as_master) steps_.push_back(Step::role);
  steps_.push_back(Step::ping);
  if (greeting_.database != 0) steps_.push_back(Step::select);
  if (greeting_.login && !greeting_.login->password.empty()) log_in(*greeting_.login);
  greeting_.login = nullptr;
  greeting_.logins.reset();
  if (greeting_.database != 0) encode(pool, output_, {"SELECT", std::to_string(greeting_.database)});
  encode(pool, output_, {"PING"});
  if (greeting_.as_master) encode(pool, output_, {"ROLE"});
  loop_->scheduler().flush_late(*this);
}

void Link::log_in(const Login& login) {
  BlockPool& pool = loop_->blocks();
  steps_.push_back(Step::auth);
  if (login.user.empty()) {
    encode(pool, output_, {"AUTH", login.password.bytes()});
  } else {
    encode(pool, output_, {"AUTH", login.user, login.password.bytes()});
  }
}

void Link::send(Request& request) {
  DCHECK(open_);
  if (request.asking) encode(loop_->blocks(), output_, {"ASKING"});
  output_.append(std::move(request.bytes));
  in_flight_.push_back(request);
  loop_->scheduler().flush_late(*this);
}

void Link::flush() {
  if (!transport_ || output_.empty()) return;
  // A failure shows when reading: Redis may have said why.
  (void)transport_->write(std::move(output_));
  output_.clear();
}

void Link::on_read(const Slice& bytes) {
  uint32_t connection = connection_;
  reader_.feed(bytes.view());
  for (;;) {
    Result<const Reply*> reply = reader_.next();
    if (!reply) return fail(reply.error());
    if (*reply == nullptr) return;
    ++replies_;
    take(**reply);
    if (!transport_ || connection != connection_) return;   // closed by who was told
  }
}

void Link::take(const Reply& reply) {
  if (!steps_.empty()) return take_step(reply);
  if (in_flight_.empty()) return fail(lost(Code::bad_message, "a reply that nobody asked for"));
  if (in_flight_.front().asking && !skip_reply_) {
    skip_reply_ = true;
    return;
  }
  skip_reply_ = false;
  in_flight_.pop_front().on_reply(reply);
}

void Link::take_step(const Reply& reply) {
  Step step = steps_.back();
  steps_.pop_back();
  if (!step_done(step, reply)) return fail(lost(Code::bad_value, "turned away by the server"));
  if (!steps_.empty()) return;
  open_ = true;
  owner_->on_link_open();
}

bool Link::step_done(Step step, const Reply& reply) {
  if (!reply.is(Reply::Type::error)) {
    bool is_master = step != Step::role || (!reply.items.empty() && reply.items[0].text == "master");
    if (!is_master) complaint_ = "not a master";
    return is_master;
  }
  // A user whose rights do not include PING or ROLE has still come through the door.
  bool may_be_denied = step == Step::ping || step == Step::role;
  if (may_be_denied && error_kind(reply.text) == ErrorKind::denied) return true;
  complaint_ = printable(reply.text, kComplaintBytesMax);
  return false;
}

void Link::on_eof() { fail(lost(Code::closed, "closed by the server")); }

void Link::fail(Error why) {
  if (!transport_) return;
  Requests gone;
  drop(gone);
  owner_->on_link_failed(why);   // first: who is told that a request is lost may ask again at once
  tell(gone, why);
}

void Link::close(const Error& why) {
  Requests gone;
  drop(gone);
  tell(gone, why);
}

void Link::tell(Requests& gone, Error why) {
  why.progress = Progress::sent;
  while (!gone.empty()) gone.pop_front().on_lost(why);
}

void Link::drop(Requests& gone) {
  gone.splice_back(in_flight_);
  transport_.reset();
  output_.clear();
  steps_.clear();
  open_ = skip_reply_ = false;
}

}  // namespace sluice::redis

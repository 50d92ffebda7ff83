#include "redis/ask.h"

#include <utility>

namespace sluice::redis {

Client::Ask::Ask(Client& client, Asker& asker, const Command& command)
    : client_(&client), asker_(&asker), keep_(command.keep), script_(command.script), tag_(command.tag),
      count_(static_cast<uint32_t>(command.arguments.size())),
      sent_at_(client.parts_.loop.clock().precise()) {
  Loop& loop = client.parts_.loop;
  if (script_) {
    encode_arguments(loop.blocks(), arguments_, {command.key});
    encode_arguments(loop.blocks(), arguments_, command.arguments);
  } else {
    encode(loop.blocks(), arguments_, command.arguments);
  }
  TimePoint deadline = command.deadline;
  if (deadline == TimePoint{}) deadline = loop.clock().now() + client.options_.command_timeout;
  timer_.start(loop.timers(), deadline, *this);
}

void Client::Ask::dispatch(Node& node) {
  node_ = &node;
  bytes = encoded();
  node.submit(*this);
}

Chain Client::Ask::encoded() {
  if (!script_) {
    bool may_repeat = client_->options_.layout == Layout::cluster;
    return may_repeat ? arguments_.share() : std::move(arguments_);
  }
  constexpr size_t kOwnArguments = 4;   // EVALSHA, digest, number of keys, key
  BlockPool& pool = client_->parts_.loop.blocks();
  Chain out;
  encode_count(pool, out, kOwnArguments + count_);
  if (whole_script_) {
    encode_arguments(pool, out, {"EVAL", script_->source(), "1"});
  } else {
    encode_arguments(pool, out, {"EVALSHA", script_->digest(), "1"});
  }
  out.append(arguments_.share());
  return out;
}

void Client::Ask::on_reply(const Reply& reply) {
  // Too late is no answer: who counts it as one asks a slow Redis for ever.
  if (asker_ == nullptr) return client_->destroy(*this);
  if (!reply.is(Reply::Type::error)) {
    node_->answered();
    return finish({Outcome::answered, ErrorKind::none, &reply});
  }
  ErrorKind kind = error_kind(reply.text);
  if (repeat(kind, reply)) return;
  if (!is_unfit(kind)) {
    node_->answered();
    client_->say_refused(reply.text);
    return finish({Outcome::refused, kind, &reply});
  }
  Node& node = *node_;
  finish({Outcome::unfit, kind, &reply});
  bool elsewhere = kind == ErrorKind::read_only || kind == ErrorKind::no_auth || kind == ErrorKind::master_down;
  if (!elsewhere) return node.missed(kind);
  node.unsuitable(kind == ErrorKind::no_auth ? "wants a login" : "is no master");
}

/// gives: whether it is on its way once more
bool Client::Ask::repeat(ErrorKind kind, const Reply& reply) {
  if (kind == ErrorKind::no_script && script_ && !whole_script_) {
    if (!node_->accepts()) return false;
    whole_script_ = true;   // EVAL keeps it in Redis: the next EVALSHA finds it
    dispatch(*node_);
    return true;
  }
  bool elsewhere = kind == ErrorKind::moved || kind == ErrorKind::ask;
  if (!elsewhere || redirects_ == kRedirectsMax) return false;
  auto redirect = parse_redirect(reply.text);
  if (!redirect) return false;
  Node* next = client_->directory_->follow(*node_, kind, *redirect);
  if (next == nullptr || !next->accepts()) return false;
  ++redirects_;
  asking = kind == ErrorKind::ask;
  dispatch(*next);
  return true;
}

void Client::Ask::on_lost(const Error& why) {
  if (asker_ == nullptr) return client_->destroy(*this);
  bool never_sent = waiting() || why.progress == Progress::unsent;
  finish({never_sent ? Outcome::away : Outcome::lost});
}

void Client::Ask::on_timer(Timer&) {
  if (waiting()) {
    unlink();
    return finish({Outcome::timeout});
  }
  // Its reply may still come, and has to be counted off: the object stays in line until then.
  count(Outcome::timeout);
  Asker* asker = std::exchange(asker_, nullptr);
  std::shared_ptr<const void> keep = std::move(keep_);
  client_->give_back(slot_index_);
  Node& node = *node_;
  asker->on_answer(tag_, {Outcome::timeout});
  node.missed();
}

void Client::Ask::abandon() {
  asker_ = nullptr;
  keep_.reset();
  timer_.stop();
  client_->give_back(slot_index_);
  if (!waiting()) return;
  unlink();
  client_->destroy(*this);
}

void Client::Ask::count(Outcome outcome) {
  StoreCounters& counters = client_->parts_.counters;
  switch (outcome) {
    case Outcome::answered: break;
    case Outcome::refused: counters.failure(StoreFailure::refused).add(); break;
    case Outcome::unfit: counters.failure(StoreFailure::unfit).add(); return;
    case Outcome::timeout: counters.failure(StoreFailure::timeout).add(); return;
    case Outcome::lost: counters.failure(StoreFailure::lost).add(); return;
    case Outcome::away: counters.failure(StoreFailure::away).add(); return;
  }
  counters.latency.record(client_->parts_.loop.clock().precise() - sent_at_);
}

void Client::Ask::finish(const Answer& answer) {
  count(answer.outcome);
  Asker* asker = asker_;
  std::shared_ptr<const void> keep = std::move(keep_);   // until it has been told
  uint64_t tag = tag_;
  client_->give_back(slot_index_);
  client_->destroy(*this);
  asker->on_answer(tag, answer);
}

}  // namespace sluice::redis

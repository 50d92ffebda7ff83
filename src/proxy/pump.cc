#include "proxy/pump.h"

#include <algorithm>

#include "http/codec.h"

namespace sluice::proxy {

using http::End;

void Pump::start(http::Stream* from, http::Stream& to, policy::BodyFilter* filters) {
  from_ = from;
  to_ = &to;
  filters_ = filters;
}

Pump::State Pump::run(BlockPool& blocks) {
  if (done_) return State::done;
  if (discarding_) {
    if (from_ && held_.size() > replayed_) from_->consume(held_.size() - replayed_);
    replayed_ = 0;
    held_.clear();
    done_ = ended_;
    return done_ ? State::done : State::open;
  }
  if (to_ == nullptr) return State::open;
  while (!held_.empty()) {
    size_t credit = to_->credit();
    if (credit == 0) break;
    Chain part = held_.split(std::min(credit, held_.size()));
    size_t taken = part.size();
    bool last = ended_ && held_.empty() && trailers_ == nullptr;
    if (filters_ && filter(part, last ? End::yes : End::no) == State::refused) return State::refused;
    if (replaying_) remember(part, blocks);
    bytes_ += part.size();
    // Consumed before sending: the stream's room, not ours, is what holds the sender back.
    size_t again = std::min(replayed_, taken);
    replayed_ -= again;
    if (from_ && taken > again) from_->consume(taken - again);
    to_->send_body(std::move(part), last ? End::yes : End::no);
    if (last) { done_ = true; return State::done; }
  }
  if (!ended_ || !held_.empty()) {
    held_.compact(blocks);
    return State::open;
  }
  Chain rest;
  if (filters_ && filter(rest, End::yes) == State::refused) return State::refused;
  if (trailers_) {
    if (!rest.empty()) to_->send_body(std::move(rest), End::no);
    to_->send_trailers(*trailers_);
  } else {
    to_->send_body(std::move(rest), End::yes);
  }
  done_ = true;
  return State::done;
}

Pump::State Pump::filter(Chain& bytes, End end) {
  for (policy::BodyFilter* filter = filters_; filter; filter = filter->next) {
    policy::Verdict verdict = filter->feed(bytes, end);
    if (verdict.kind() != policy::Verdict::Kind::refuse) continue;
    problem_ = verdict.problem();
    return State::refused;
  }
  return State::open;
}

void Pump::remember(const Chain& bytes, BlockPool& blocks) {
  if (replay_.size() + bytes.size() > http::kHeldBytesMax) return drop_replay();
  Chain copy = bytes.share();
  copy.compact(blocks);
  replay_.append(std::move(copy));
}

void Pump::drop_replay() {
  replaying_ = false;
  replay_.clear();
}

void Pump::rewind() {
  CHECK(replayable());
  // What is sent again was consumed before: it goes out first, and only the rest is consumed then.
  replayed_ += replay_.size();
  held_.prepend(std::move(replay_));
  bytes_ = 0;
  done_ = false;
  to_ = nullptr;
}

void Pump::clear() {
  held_.clear();
  replay_.clear();
  to_ = nullptr;
  from_ = nullptr;
}

}  // namespace sluice::proxy

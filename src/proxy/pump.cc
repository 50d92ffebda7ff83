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

void Pump::discard() {
  to_ = nullptr;
  discarding_ = true;
  out_.clear();
  if (splice_) splice_->abandon(from_);
  splice_.reset();
}

Pump::State Pump::run(BlockPool& blocks, net::SharedPipes* pipes) {
  if (done_) return State::done;
  if (discarding_) return drop_held();
  if (splice_ && splice(blocks) == State::open) return State::open;
  while (to_) {
    bool more = !held_.empty() || !out_.empty();
    if (!more && !ended_) break;
    size_t credit = more ? to_->credit() : 0;
    if (more && credit == 0) break;
    if (out_.empty() && !filtered_end_ && take(credit, blocks) == State::refused) return State::refused;
    if (out_.empty() && !filtered_end_) continue;   // a filter holds it back
    if (!out_.empty() && credit == 0) continue;     // a filter let it go only now
    send(credit);
    if (done_) return State::done;
  }
  held_.compact(blocks);
  if (pipes == nullptr || !may_splice()) return State::open;
  splice_ = Splice::begin(*from_, *to_, *pipes, splice_refused_);
  return splice_ ? run(blocks, pipes) : State::open;
}

bool Pump::may_splice() const {
  bool ordinary = splice_ == nullptr && !splice_refused_ && from_ && to_ && filters_ == nullptr;
  return ordinary && !ended_ && !replaying_ && held_.empty() && out_.empty();
}

// gives: open while the splice goes on; done when it is over
Pump::State Pump::splice(BlockPool& blocks) {
  if (to_ == nullptr) return State::open;
  Splice::Moved moved;
  Splice::State state = splice_->run(from_, *to_, blocks, moved);
  spliced_ += moved.taken;
  taken_ += moved.taken;
  bytes_ += moved.sent;
  if (state == Splice::State::open) return State::open;
  held_.prepend(splice_->finish(from_, blocks));
  splice_.reset();
  splice_refused_ = true;
  return State::done;
}

Pump::State Pump::drop_held() {
  if (from_ && held_.size() > replayed_) from_->consume(held_.size() - replayed_);
  replayed_ = 0;
  held_.clear();
  done_ = ended_;
  return done_ ? State::done : State::open;
}

// Moves up to `bytes` of what is held through the filters.
Pump::State Pump::take(size_t bytes, BlockPool& blocks) {
  size_t taken = std::min(bytes, held_.size());
  out_ = held_.split(taken);
  taken_ += taken;
  filtered_end_ = ended_ && held_.empty();
  if (replaying_) remember(out_, blocks);
  // Consumed before sending: the stream's room, not ours, is what holds the sender back.
  size_t again = std::min(replayed_, taken);
  replayed_ -= again;
  if (from_ && taken > again) from_->consume(taken - again);
  return filters_ ? filter(out_, filtered_end_ ? End::yes : End::no) : State::open;
}

void Pump::send(size_t credit) {
  Chain part = out_.size() <= credit ? std::move(out_) : out_.split(credit);
  bytes_ += part.size();
  done_ = filtered_end_ && out_.empty();
  if (!done_ || trailers_ == nullptr) return to_->send_body(std::move(part), done_ ? End::yes : End::no);
  if (!part.empty()) to_->send_body(std::move(part), End::no);
  if (to_) to_->send_trailers(*trailers_);   // sending may have ended the stream
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
  out_.clear();
  taken_ = bytes_ = 0;
  filtered_end_ = false;
  done_ = false;
  to_ = nullptr;
}

void Pump::clear() {
  held_.clear();
  out_.clear();
  replay_.clear();
  splice_.reset();
  to_ = nullptr;
  from_ = nullptr;
}

}  // namespace sluice::proxy

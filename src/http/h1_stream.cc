#include <algorithm>
#include <cstring>

#include "http/h1_codec.h"
#include "http/h1_problems.h"

namespace sluice::http {
namespace {

void advance(Slice& slice, size_t bytes) {
  slice.data += bytes;
  slice.size -= bytes;
}

}  // namespace

H1Stream::~H1Stream() = default;

H1Stream::Block H1Stream::take_block(HeadScanner::Kind kind, Slice& bytes, std::string_view& block,
                                     const Problem*& problem) {
  HeadScanner fresh(kind, *limits_);
  HeadScanner& scanner = partial_ ? partial_->scanner : fresh;
  std::string_view all = bytes.view();
  size_t before = 0;
  if (partial_) {   // join with what came before: the parser wants one piece
    before = partial_->used;
    size_t most = limits_->line_bytes_max + limits_->header_bytes_max + 8;
    size_t part = std::min(bytes.size, most - before);
    if (before + part > partial_->block->capacity()) {
      BlockRef larger = wire_->blocks().take(std::max(before + part, 2 * partial_->block->capacity()));
      std::memcpy(larger->data(), partial_->block->data(), before);
      partial_->block = std::move(larger);
    }
    std::memcpy(partial_->block->data() + before, bytes.data, part);
    partial_->used += part;
    all = {partial_->block->data(), partial_->used};
  }
  switch (scanner.scan(all)) {
    case HeadScanner::State::complete:
      block = all.substr(scanner.skipped(), scanner.size());
      advance(bytes, scanner.skipped() + scanner.size() - before);
      return Block::whole;
    case HeadScanner::State::refused:
      problem = &scanner.problem();
      return Block::refused;
    case HeadScanner::State::incomplete: break;
  }
  if (!partial_) {
    partial_ = std::make_unique<Partial>(Partial{fresh, wire_->blocks().take(bytes.size), bytes.size});
    std::memcpy(partial_->block->data(), bytes.data, bytes.size);
  }
  advance(bytes, bytes.size);
  return Block::incomplete;
}

bool H1Stream::begin_body(const Head& head) {
  switch (head.body) {
    case Body::none: return false;
    case Body::length:
      left_ = *head.content_length;
      reading_ = Reading::length;
      return left_ > 0;
    case Body::streamed:
      chunks_ = events_->arena().make<ChunkDecoder>();
      reading_ = Reading::chunks;
      return true;
    case Body::to_close:
      reading_ = Reading::to_close;
      return true;
  }
  return false;
}

void H1Stream::read_body(Slice& bytes) {
  switch (reading_) {
    case Reading::length: {
      size_t part = static_cast<size_t>(std::min<uint64_t>(left_, bytes.size));
      left_ -= part;
      deliver(Slice{bytes.block, bytes.data, part});
      advance(bytes, part);
      if (left_ == 0) message_read();
      return;
    }
    case Reading::to_close: case Reading::tunnel:
      deliver(bytes);
      return advance(bytes, bytes.size);
    case Reading::chunks: return read_chunks(bytes);
    case Reading::trailers: return read_trailers(bytes);
    case Reading::idle: case Reading::head: case Reading::done: case Reading::discard: break;
  }
  advance(bytes, bytes.size);
}

void H1Stream::read_chunks(Slice& bytes) {
  while (bytes.size > 0 && reading_ == Reading::chunks) {
    ChunkDecoder::Step step = chunks_->feed(bytes.view());
    if (step.state == ChunkDecoder::State::refused) return message_bad(chunks_->problem());
    if (chunks_->body_bytes() > limits_->body_bytes_max) return message_bad(kBodyTooLarge);
    if (!step.data.empty()) deliver(Slice{bytes.block, step.data.data(), step.data.size()});
    advance(bytes, step.taken);
    if (step.state == ChunkDecoder::State::last) reading_ = Reading::trailers;
  }
  if (reading_ == Reading::trailers && bytes.size > 0) read_trailers(bytes);
}

void H1Stream::read_trailers(Slice& bytes) {
  std::string_view block;
  const Problem* problem = nullptr;
  Block found = take_block(HeadScanner::Kind::trailers, bytes, block, problem);
  if (found == Block::incomplete) return;
  if (found == Block::whole && block.size() > 2) {
    Arena& arena = events_->arena();
    Fields* trailers = arena.make<Fields>(arena);
    problem = parse_trailers(arena.copy(block), peer(), *trailers);
    if (problem == nullptr && !trailers->empty()) events_->on_trailers(*trailers);
  }
  partial_.reset();
  if (problem) return message_bad(*problem);
  message_read();
}

void H1Stream::deliver(Slice bytes) {
  unconsumed_ += bytes.size;
  Chain chain;
  chain.append(bytes);
  events_->on_body(std::move(chain));
  pause_above(unconsumed_);
}

void H1Stream::pause_above(size_t held) {
  if (paused_) return;
  size_t most = wire_->blocks().short_of_memory() ? 0 : kHeldBytesMax;
  if (held > most) pause();
}

void H1Stream::pause() {
  if (paused_) return;
  paused_ = true;
  wire_->pause_input();
}

void H1Stream::consume(size_t bytes) {
  DCHECK(bytes <= unconsumed_);
  unconsumed_ -= bytes;
  if (!paused_ || reading_ == Reading::done) return;
  size_t most = wire_->blocks().short_of_memory() ? 0 : kHeldBytesMax / 2;
  if (unconsumed_ <= most) {
    paused_ = false;
    wire_->resume_input();
  }
}

void H1Stream::enter_tunnel(StreamEvents& events) {
  events_ = &events;
  chunks_ = nullptr;
  tunnel_ = true;
  writing_ = Writing::to_close;
  wire_->expect(Phase::none);   // how long it may be silent is the receiver's affair
}

size_t H1Stream::credit() const {
  size_t room = wire_->output_room();
  if (room == 0) blocked_ = true;
  return room;
}

void H1Stream::on_room() {
  if (!blocked_) return;
  blocked_ = false;
  if (events_) events_->on_credit();
}

void H1Stream::begin_writing(const Head& head, End end, bool body_allowed, bool chunks_allowed,
                             H1Framing& framing) {
  writing_ = Writing::done;
  if (!body_allowed || end == End::yes) {
    framing.content_length = head.content_length;
    return;
  }
  if (head.content_length) {
    framing.content_length = head.content_length;
    write_left_ = *head.content_length;
    writing_ = Writing::length;
  } else {
    framing.chunked = chunks_allowed;
    writing_ = chunks_allowed ? Writing::chunks : Writing::to_close;
  }
}

void H1Stream::send_body(Chain bytes, End end) {
  if (finished_) return;
  Chain out;
  if (bytes.size() <= kPackedMax) {   // right behind the head, so that both leave in one piece
    Chain packed;
    bytes.each([&](const Slice& slice) { packed.append_copy(wire_->blocks(), slice.view()); });
    bytes = std::move(packed);
  }
  switch (writing_) {
    case Writing::length:
      CHECK(bytes.size() <= write_left_);   // the reading side counted them against the same length
      write_left_ -= bytes.size();
      out = std::move(bytes);
      break;
    case Writing::chunks:
      write_chunk(std::move(bytes), wire_->blocks(), out);
      if (end == End::yes) write_last_chunk(nullptr, wire_->blocks(), out);
      break;
    case Writing::to_close: out = std::move(bytes); break;
    case Writing::nothing: case Writing::done: return;   // reply to HEAD, or nobody reads it any more
  }
  if (!out.empty()) wire_->output(std::move(out));
  if (end != End::yes) return;
  writing_ = Writing::done;
  if (tunnel_) wire_->end_output();
}

void H1Stream::send_trailers(const Fields& trailers) {
  if (writing_ != Writing::chunks || finished_) return send_body({}, End::yes);
  Chain out;
  write_last_chunk(&trailers, wire_->blocks(), out);
  wire_->output(std::move(out));
  writing_ = Writing::done;
}

}  // namespace sluice::http

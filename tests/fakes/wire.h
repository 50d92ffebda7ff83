// A connection made of strings: what a codec sends is collected, what it asks for is recorded.
#pragma once

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "http/codec.h"

namespace sluice::http {

class FakeWire final : public Wire {
 public:
  explicit FakeWire(BlockPool& pool, int raw_socket = -1) : socket(raw_socket), pool_(&pool) {}

  BlockPool& blocks() override { return *pool_; }
  void output(Chain bytes) override {
    if (finished && *finished == Finish::abort) return;
    total += bytes.size();
    sent += bytes.to_string();
  }
  size_t output_room() const override { return room; }
  uint64_t bytes_written() const override { return kernel_takes ? total : 0; }
  void pause_input() override { paused = true, ++pauses; }
  void resume_input() override { paused = false; }
  void expect(Phase next) override { phase = next; }
  void finish(Finish how) override {
    if (!finished || how == Finish::abort) finished = how;
  }
  bool input_waits() const override { return unread; }
  TimePoint now() const override { return time; }
  void available() override { ++availables; }
  int raw_socket() const override { return socket; }
  bool output_clear() const override { return clear; }
  void hurry_output() override { hurried = true; }
  void leave_input() override { left_alone = true; }
  void read_input() override { left_alone = false; }
  void raw_read(uint64_t bytes) override { raw_in += bytes; }
  void raw_written(uint64_t bytes) override { raw_out += bytes; }

  /// "", "flush", "linger", "hear_out", "dismiss" or "abort".
  std::string_view ending() const {
    if (!finished) return "";
    constexpr std::string_view kNames[] = {"flush", "linger", "hear_out", "dismiss", "abort"};
    return kNames[static_cast<size_t>(*finished)];
  }
  std::string take_sent() { return std::exchange(sent, {}); }

  std::string sent;
  size_t room = 256 * 1024;
  uint64_t total = 0;        // bytes sent, those taken included
  bool kernel_takes = true;  // false: nothing has left yet
  int socket;                // a number: bodies may be moved past the wire
  bool clear = true;         // nothing is queued
  bool hurried = false;
  bool left_alone = false;   // input is somebody else's to take
  uint64_t raw_in = 0, raw_out = 0;
  bool paused = false;
  bool unread = false;       // bytes that the codec has not been fed
  int pauses = 0;
  int availables = 0;
  Phase phase = Phase::none;
  TimePoint time{std::chrono::hours(1)};
  std::optional<Finish> finished;

 private:
  BlockPool* pool_;
};

/// Feeds `bytes` to a codec as reads of `step` bytes (0: one read), as long as it reads.
/// gives: how many bytes it took
inline size_t feed(Codec& codec, FakeWire& wire, std::string_view bytes, size_t step = 0) {
  size_t fed = 0;
  while (fed < bytes.size() && !wire.finished && !wire.paused) {
    size_t part = std::min(step == 0 ? bytes.size() : step, bytes.size() - fed);
    BlockRef block = wire.blocks().take(part);
    std::memcpy(block->data(), bytes.data() + fed, part);
    codec.feed(Slice{block.get(), block->data(), part});
    fed += part;
  }
  return fed;
}

}  // namespace sluice::http

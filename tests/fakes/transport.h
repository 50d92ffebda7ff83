// A transport without a socket: takes as many bytes as the test says, fails when told.
#pragma once

#include <optional>
#include <string>

#include "net/transport.h"

namespace sluice::net {

/// What the test and the transport share; outlives the transport, which its connection destroys.
struct FakeTransport {
  std::string written;     // taken by the "kernel"
  std::string waiting;     // queued behind a short write
  size_t room = SIZE_MAX;  // bytes that the kernel still takes
  std::optional<Error> write_error;
  Transport::Events* events = nullptr;
  int writes = 0;
  int destroyed = 0;
  bool paused = false;
  bool finished = false;
  bool aborted = false;
  bool is_broken = false;
  bool late = false;  // as TLS: collects output for the end of the turn

  TransportPtr make();
  /// The peer takes `bytes` more. gives: whether everything queued has left
  bool take(size_t bytes) {
    size_t part = std::min(bytes, waiting.size());
    written += waiting.substr(0, part);
    waiting.erase(0, part);
    return waiting.empty();
  }
  /// Bytes arrive, inside a turn of the loop.
  void read(BlockPool& pool, std::string_view text) {
    Chain bytes;
    bytes.append_copy(pool, text);
    while (!bytes.empty() && events && !destroyed) {
      Slice slice = bytes.front_slice();
      events->on_read(slice);
      bytes.drop_front(slice.size);
    }
  }
};

class FakeTransportEnd final : public Transport {
 public:
  explicit FakeTransportEnd(FakeTransport& facts) : facts_(&facts) {}
  void start(Events& events) override { facts_->events = &events; }
  void set_events(Events& events) override { facts_->events = &events; }
  Result<void> write(Chain bytes) override {
    ++facts_->writes;
    if (facts_->write_error) return *facts_->write_error;
    std::string text = bytes.to_string();
    size_t part = facts_->waiting.empty() ? std::min(facts_->room, text.size()) : 0;
    facts_->room -= part;
    facts_->written += text.substr(0, part);
    facts_->waiting += text.substr(part);
    return {};
  }
  size_t queued() const override { return facts_->waiting.size(); }
  void pause_read() override { facts_->paused = true; }
  void resume_read() override { facts_->paused = false; }
  bool read_paused() const override { return facts_->paused; }
  void finish() override { facts_->finished = true; }
  void abort() override { facts_->aborted = true; }
  bool broken() const override { return facts_->is_broken; }
  bool writes_late() const override { return facts_->late; }

 private:
  void destroy() override {
    ++facts_->destroyed;
    facts_->events = nullptr;
    delete this;
  }
  FakeTransport* facts_;
};

inline TransportPtr FakeTransport::make() {
  return TransportPtr(new FakeTransportEnd(*this));
}

}  // namespace sluice::net

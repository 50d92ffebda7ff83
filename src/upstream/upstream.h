// One worker's view of an upstream, as an Exchange uses it: choose an endpoint, get a Stream there, say how it
// went. Implemented by PooledUpstream (upstream/pool.h), by `explain`, and by tests.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "http/stream.h"

namespace sluice::upstream {

/// An endpoint, as far as an exchange needs to know it. Lives as long as one of its users.
class Endpoint {
 public:
  std::string_view name() const { return name_; }   // address and port, for logs

 protected:
  explicit Endpoint(std::string name) : name_(std::move(name)) {}
  ~Endpoint() = default;

 private:
  std::string name_;
};

/// Endpoints that a request has tried already, so that a retry goes elsewhere. The first few are enough.
class Tried {
 public:
  static constexpr size_t kMax = 8;   // more endpoints than anyone tries for one request
  void add(const Endpoint& endpoint) { if (size_ < kMax) endpoints_[size_++] = &endpoint; }
  bool has(const Endpoint& endpoint) const {
    for (size_t i = 0; i < size_; ++i) {
      if (endpoints_[i] == &endpoint) return true;
    }
    return false;
  }
  size_t size() const { return size_; }
  bool full() const { return size_ == kMax; }
  /// One that can be reached, but does nothing with the request: to be asked again when there is nobody else.
  void refuses(const Endpoint& endpoint) {
    for (size_t i = 0; i < size_; ++i) refusing_ |= static_cast<uint8_t>((endpoints_[i] == &endpoint ? 1 : 0) << i);
  }
  /// gives: whether there was one
  bool forget_refusing() {
    uint8_t kept = 0;
    for (size_t i = 0; i < size_; ++i) {
      if ((refusing_ >> i & 1) == 0) endpoints_[kept++] = endpoints_[i];
    }
    size_ = kept;
    return std::exchange(refusing_, 0) != 0;
  }

 private:
  const Endpoint* endpoints_[kMax];   // the first size_ of them
  uint8_t size_ = 0;
  uint8_t refusing_ = 0;              // a bit for each
  static_assert(kMax <= 8);
};

/// Which pooled connections a request may take.
enum class Reuse : uint8_t {
  any,      // idempotent: a dead one costs a retry
  recent,   // idle for less than a second: it is unlikely to be dead, and the request cannot be repeated
  never,    // the retry after a dead one
};

/// Somebody who waits for a fresh connection. One of the two comes, unless cancel() was called.
class Opening {
 public:
  virtual void on_opened(http::Stream& stream) = 0;
  virtual void on_open_failed(Error why) = 0;
  /// Who receives what arrives on the stream.
  virtual http::StreamEvents& stream_events() = 0;

 protected:
  ~Opening() = default;
};

/// How a request to an endpoint went.
enum class Outcome : uint8_t {
  served,        // or given up for a reason that is not the endpoint's reachability
  unreachable,   // no connection could be made: it is set aside for a while
};

/// Why there is no endpoint.
enum class Lack : uint8_t {
  none,
  unresolved,   // names are still being resolved, or cannot be
  busy,         // max_in_flight is reached
  down,         // every one was tried
  unhealthy,    // health checks found every one down
};

class Upstream {
 public:
  virtual ~Upstream() = default;
  /// Chooses an endpoint not tried yet and counts the request there, until release().
  /// gives: null when none is usable
  virtual Endpoint* pick(const Tried& tried) = 0;
  /// Counts the request at another endpoint not tried yet, instead of this one. Not at one that is set aside.
  /// gives: null when there is none; nothing has changed then
  virtual Endpoint* move(Endpoint&, const Tried&) { return nullptr; }
  /// gives: a stream over a pooled connection, at once; or null, and `opening` hears later
  virtual http::Stream* open(Endpoint& endpoint, Reuse reuse, Opening& opening) = 0;
  virtual void cancel(Opening& opening) = 0;
  virtual void release(Endpoint& endpoint, Outcome outcome) = 0;
  /// Requests share connections, and a server may say of one that it has done nothing with it.
  virtual bool is_shared() const { return false; }
  /// Why pick() gives none.
  virtual Lack lack() const = 0;
};

}  // namespace sluice::upstream

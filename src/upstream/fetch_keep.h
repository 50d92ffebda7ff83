// Connections of one loop's Fetches between two questions to the same server: what Fetches are lent that may keep them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/list.h"
#include "loop/loop.h"
#include "net/address.h"
#include "upstream/fetch.h"

namespace sluice::upstream {

/// Of one loop's idle connections, in all and to one place.
inline constexpr size_t kKeptMax = 64;
inline constexpr size_t kKeptToOneMax = 32;
/// Services close after 5 to 75 s of silence; this is below what firewalls between forget.
inline constexpr Duration kKeptIdleMax = std::chrono::seconds(30);
/// From its opening on: so long may a name lead to another address, or a certificate have ended, and not be noticed.
inline constexpr Duration kKeptAgeMax = std::chrono::seconds(60);

struct FetchKeepLimits {
  size_t idle = kKeptMax;
  size_t idle_to_one = kKeptToOneMax;
  Duration idle_for = kKeptIdleMax;
  Duration age = kKeptAgeMax;
};

/// Whom a connection leads to, and what it was verified by. Two are equal when one's questions may go where the other's go.
struct FetchPlace {
  std::string host;
  uint16_t port = 0;
  std::optional<net::SocketAddress> address;
  FetchTrust tls;            // null: plain. A context made anew is another one, even of the same files
  std::string server_name;

  static FetchPlace of(const FetchRequest& request);
  friend bool operator==(const FetchPlace&, const FetchPlace&) = default;
};

/// HTTP/1.1 alone. What lies idle here is watched: one that the server closes, or speaks on, is gone at once.
class FetchKeep {
 public:
  explicit FetchKeep(Loop& loop, const FetchKeepLimits& limits = {});
  FetchKeep(const FetchKeep&) = delete;
  ~FetchKeep();

  /// At most so many are idle from now on; what is above it closes.
  void limit(size_t idle);
  /// What is idle closes.
  void close();
  /// The same, and none is kept any more.
  void drain() { limit(0); }
  size_t idle() const { return count_; }
  const FetchKeepLimits& limits() const { return limits_; }

 private:
  friend class Fetch;

  /// gives: null when there is none; it is no longer idle then
  Fetch::Session* take(const FetchPlace& place);
  void add(Fetch::Session& session);
  void remove(Fetch::Session& session);
  void end(Fetch::Session& session);
  /// One of them did not answer: the others are likely as dead.
  void forget(const FetchPlace& place);
  void end_oldest_to(const FetchPlace& place);

  Loop* loop_;
  FetchKeepLimits limits_;
  List<Fetch::Session, class FetchIdleTag> idle_;   // most recent first
  size_t count_ = 0;
};

}  // namespace sluice::upstream

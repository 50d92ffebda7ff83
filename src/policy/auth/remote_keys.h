// The keys of an issuer that publishes them: what workers ask of whoever fetches them, and how those
// who wait hear of it. Fetching is control/key_refresh.h's, on the keeper's loop.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/per_worker.h"
#include "base/result.h"
#include "policy/auth/jwt_verifier.h"
#include "policy/resume.h"
#include "upstream/fetch.h"

namespace sluice::policy {

/// Tokens with unknown keys cause no more fetches than one in this time: anybody can send them.
inline constexpr Duration kRefetchEvery = std::chrono::seconds(10);
/// So long a request waits for keys that are being fetched; then it is told to try again.
inline constexpr Duration kKeyWaitMax = std::chrono::seconds(3);

struct RemoteKeysOptions {
  std::string name;                        // "auth.customers"
  upstream::FetchUrl url;                  // of the key set, or of the discovery document
  std::string issuer;                      // with discovery: what the document must say; empty: no discovery
  bool plain_http = false;                 // over http from other than this machine too
  JwtAlgorithmSet algorithms;
  upstream::FetchTrust tls;
  Duration refresh = std::chrono::minutes(5);
  Duration keep = std::chrono::hours(24);   // old keys, while there are no new ones
  Duration deadline = std::chrono::seconds(5);   // of one fetch
};

/// gives: the key set in an answer. errors: a line for the log
Result<JwtKeySetText, std::string> keys_in(const upstream::FetchResponse& response,
                                           JwtAlgorithmSet algorithms);
/// gives: where the key set is. errors: a line for the log; a document of another issuer is one
Result<upstream::FetchUrl, std::string> keys_place_in(const upstream::FetchResponse& response,
                                                      const RemoteKeysOptions& options);
/// Whether keys may be fetched from there: a stranger on the way could put in his own.
bool may_fetch(const upstream::FetchUrl& url, bool plain_http);

class RemoteKeys {
 public:
  RemoteKeys(RemoteKeysOptions options, std::shared_ptr<JwtWorld> world)
      : options_(std::move(options)), world_(std::move(world)) {}
  RemoteKeys(const RemoteKeys&) = delete;

  const RemoteKeysOptions& options() const { return options_; }
  JwtWorld& world() const { return *world_; }

  // For workers.

  /// Asks for newer keys. gives: whether a fetch is under way, so that waiting is worth it
  bool want(TimePoint now);
  /// `resume` is given "again" when a fetch ends. needs: want() was true, in this very turn
  void wait(unsigned worker, const Resume& resume) { waiting_.of(worker).push_back(resume); }
  /// On the worker's own thread, after a fetch has ended.
  void wake(unsigned worker);
  /// The last fetch failed: that a key is unknown may be the issuer's fault.
  bool failing() const { return failing_.load(std::memory_order_relaxed); }

  // For the fetcher, on its thread.

  class Fetcher {
   public:
    /// On a worker's thread.
    virtual void on_keys_wanted() = 0;

   protected:
    ~Fetcher() = default;
  };
  /// null: nobody fetches any more.
  void serve(Fetcher* fetcher);
  bool wanted() const { return state_.load(std::memory_order_acquire) == State::wanted; }
  void begun() { state_.store(State::fetching, std::memory_order_release); }
  void ended(bool good);

 private:
  enum class State : uint8_t { idle, wanted, fetching };

  RemoteKeysOptions options_;
  std::shared_ptr<JwtWorld> world_;
  std::atomic<State> state_{State::idle};
  std::atomic<int64_t> wanted_at_{0};   // ticks of TimePoint, when a token last caused a fetch; 0: never
  std::atomic<bool> failing_{false};
  std::mutex mutex_;
  Fetcher* fetcher_ = nullptr;   // guarded
  PerWorker<std::vector<Resume>> waiting_;
};

}  // namespace sluice::policy

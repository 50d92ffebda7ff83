#include "policy/auth/remote_keys.h"

#include <utility>

#include "base/json.h"

namespace sluice::policy {
namespace {

/// Real ones have 2 to 10 KiB.
constexpr size_t kDiscoveryBytesMax = 256 * 1024;

std::string unexpected(uint16_t status) {
  std::string text = "status " + std::to_string(status);
  return status >= 300 && status < 400 ? text + ": redirects are not followed" : text;
}

}  // namespace

Result<JwtKeySetText, std::string> keys_in(const upstream::FetchResponse& response,
                                           JwtAlgorithmSet algorithms) {
  if (response.status != 200) return unexpected(response.status);
  return read_jwk_set(response.body, algorithms, KeySetSource::network);
}

bool may_fetch(const upstream::FetchUrl& url, bool plain_http) {
  return url.scheme == http::Scheme::https || plain_http || url.is_loopback();
}

Result<upstream::FetchUrl, std::string> keys_place_in(const upstream::FetchResponse& response,
                                                      const RemoteKeysOptions& options) {
  if (response.status != 200) return unexpected(response.status);
  JsonReader reader(kDiscoveryBytesMax);
  Result<JsonValue> document = reader.read(response.body);
  if (!document || !document->is_object()) return std::string("no discovery document");
  auto issuer = document->member("issuer");
  // Mix-up: a document that speaks for somebody else (OpenID Connect Discovery section 4.3).
  if (!issuer || issuer->string() != std::string_view(options.issuer))
    return std::string("a discovery document of another issuer");
  auto place = document->member("jwks_uri");
  auto text = place ? place->string() : std::nullopt;
  if (!text) return std::string("a discovery document without jwks_uri");
  Result<upstream::FetchUrl> url = upstream::FetchUrl::parse(*text);
  if (!url) return std::string("jwks_uri is ") + url.error().what;
  if (!may_fetch(*url, options.plain_http)) return std::string("jwks_uri is no https URL");
  return *std::move(url);
}

bool RemoteKeys::want(TimePoint now) {
  if (state_.load(std::memory_order_acquire) != State::idle) return true;
  // Fetches that nobody asked for do not count: a key may be published just after one.
  int64_t wanted = wanted_at_.load(std::memory_order_relaxed);
  if (wanted != 0 && now.time_since_epoch().count() - wanted < kRefetchEvery.count()) return false;
  State idle = State::idle;
  if (!state_.compare_exchange_strong(idle, State::wanted, std::memory_order_acq_rel)) return true;
  wanted_at_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  std::lock_guard lock(mutex_);
  if (fetcher_) fetcher_->on_keys_wanted();
  return true;
}

void RemoteKeys::wake(unsigned worker) {
  for (Resume& resume : std::exchange(waiting_.of(worker), {})) resume.give(Verdict::again());
}

void RemoteKeys::serve(Fetcher* fetcher) {
  std::lock_guard lock(mutex_);
  fetcher_ = fetcher;
}

void RemoteKeys::ended(bool good) {
  failing_.store(!good, std::memory_order_relaxed);
  state_.store(State::idle, std::memory_order_release);
}

}  // namespace sluice::policy

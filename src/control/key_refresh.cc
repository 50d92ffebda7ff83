#include "control/key_refresh.h"

#include <algorithm>
#include <utility>

#include "base/hash.h"
#include "base/log.h"

namespace sluice::control {

using policy::JwtKeySet;
using policy::RemoteKeys;
using upstream::FetchResponse;

/// One issuer.
class KeyRefresh::Watched final : private upstream::Fetch::Waiter, private Timer::Owner {
 public:
  Watched(KeyRefresh& refresh, std::shared_ptr<RemoteKeys> keys)
      : refresh_(&refresh), keys_(std::move(keys)),
        fetch_({*refresh.loop_, *refresh.resolver_, refresh.tls_io_, &refresh.keep_}), good_at_(now()) {
    facts_.auth = keys_->options().name;
    keys_->serve(&refresh);
  }
  ~Watched() {
    timer_.stop();
    keys_->serve(nullptr);
    // Whoever waits is not to wait for somebody who has gone.
    if (fetch_.active()) keys_->ended(false);
  }

  const std::shared_ptr<RemoteKeys>& keys() const { return keys_; }
  const observe::KeyFacts::Issuer& facts() const { return facts_; }
  void look() {
    if (keys_->wanted()) begin();
  }
  void begin();
  /// The same, and once more when a fetch is under way: it may have been answered already.
  void renew();
  void take_over(const Watched& before);

 private:
  TimePoint now() const { return refresh_->loop_->clock().now(); }
  void on_timer(Timer&) override { begin(); }
  void on_fetched(Result<FetchResponse, std::string> result) override;
  void get(upstream::FetchUrl url);
  void take_place(const FetchResponse& response);
  void take_keys(const FetchResponse& response);
  void publish(JwtKeySet set);
  void succeed();
  void fail(const std::string& why);
  void settle(bool good, Duration next);

  KeyRefresh* refresh_;
  std::shared_ptr<RemoteKeys> keys_;
  upstream::Fetch fetch_;
  Timer timer_;
  observe::KeyFacts::Issuer facts_;
  TimePoint good_at_;            // of the last success; before it: when this began
  uint64_t fingerprint_ = 0;     // of the text in force
  unsigned failures_ = 0;        // in a row
  bool discovering_ = false;
  bool again_ = false;           // as soon as this one has ended
};

void KeyRefresh::Watched::begin() {
  if (fetch_.active()) return;
  keys_->begun();
  discovering_ = !keys_->options().issuer.empty();
  get(keys_->options().url);
}

void KeyRefresh::Watched::renew() {
  again_ = fetch_.active();
  begin();
}

void KeyRefresh::Watched::get(upstream::FetchUrl url) {
  const policy::RemoteKeysOptions& options = keys_->options();
  upstream::FetchRequest request;
  request.url = std::move(url);
  request.headers = {{"Accept", "application/json"}};
  request.tls = options.tls;
  request.deadline = options.deadline;
  request.bytes_max = policy::kKeySetBytesMax;
  fetch_.start(std::move(request), *this);
}

void KeyRefresh::Watched::on_fetched(Result<FetchResponse, std::string> result) {
  if (!result) return fail(result.error());
  if (discovering_) return take_place(*result);
  take_keys(*result);
}

void KeyRefresh::Watched::take_place(const FetchResponse& response) {
  auto url = policy::keys_place_in(response, keys_->options());
  if (!url) return fail(url.error());
  discovering_ = false;
  get(*std::move(url));
}

void KeyRefresh::Watched::take_keys(const FetchResponse& response) {
  auto read = policy::keys_in(response, keys_->options().algorithms);
  if (!read) return fail(read.error());
  uint64_t fingerprint = fnv1a(response.body);
  if (std::exchange(fingerprint_, fingerprint) != fingerprint || facts_.keys == 0) {
    for (const std::string& one : read->left_out)
      LOG(warn, "token key left out", kv("auth", facts_.auth), kv("key", one));
    publish(std::move(read->keys));
    LOG(info, "token keys fetched", kv("auth", facts_.auth), kv("keys", facts_.keys));
    refresh_->owner_->on_change({"keys_fetched", facts_.auth, Change::Outcome::applied, std::to_string(facts_.keys) + " keys"});
  }
  succeed();
}

void KeyRefresh::Watched::publish(JwtKeySet set) {
  facts_.keys = set.size();
  keys_->world().keys.replace(std::make_shared<const JwtKeySet>(std::move(set)));
}

void KeyRefresh::Watched::succeed() {
  if (failures_ > 0) LOG(info, "token keys can be fetched again", kv("auth", facts_.auth));
  failures_ = 0;
  good_at_ = now();
  ++facts_.fetched;
  auto wall = refresh_->loop_->clock().wall().time_since_epoch();
  facts_.fetched_at = std::chrono::duration<double>(wall).count();
  settle(true, keys_->options().refresh);
}

void KeyRefresh::Watched::fail(const std::string& why) {
  ++facts_.fetched;
  ++facts_.failed;
  Duration retry = std::chrono::seconds(1LL << std::min(failures_, 5U));
  ++failures_;
  bool old = now() - good_at_ > keys_->options().keep && facts_.keys > 0;
  LOG(error, "token keys not fetched", kv("auth", facts_.auth),
      kv("url", keys_->options().url.text()), kv("reason", why), kv("failures", failures_),
      kv("keys_in_use", old ? 0 : facts_.keys));
  if (old) {
    publish(JwtKeySet());
    fingerprint_ = 0;
    refresh_->owner_->on_change({"keys_dropped", facts_.auth, Change::Outcome::applied, "not fetched for too long: " + why});
  }
  settle(false, std::min({retry, kRetryMax, keys_->options().refresh}));
}

void KeyRefresh::Watched::settle(bool good, Duration next) {
  keys_->ended(good);
  if (std::exchange(again_, false)) next = Duration::zero();
  timer_.start(refresh_->loop_->timers(), now() + next, *this);
  refresh_->owner_->on_keys_settled(keys_);
}

void KeyRefresh::Watched::take_over(const Watched& before) {
  const policy::RemoteKeysOptions& ours = keys_->options();
  const policy::RemoteKeysOptions& theirs = before.keys_->options();
  bool same = ours.name == theirs.name && ours.url.text() == theirs.url.text() &&
              ours.issuer == theirs.issuer && ours.algorithms == theirs.algorithms;
  if (!same) return;
  keys_->world().keys.replace(before.keys_->world().keys.current());
  fingerprint_ = before.fingerprint_;
  good_at_ = before.good_at_;
  facts_ = before.facts_;
}

KeyRefresh::KeyRefresh(Loop& loop, Mailbox& mailbox, net::Resolver& resolver, Owner& owner)
    : loop_(&loop), mailbox_(&mailbox), owner_(&owner), resolver_(&resolver), tls_io_(loop), keep_(loop),
      self_(std::make_shared<KeyRefresh*>(this)) {}

KeyRefresh::~KeyRefresh() {
  watched_.clear();
  *self_ = nullptr;
}

void KeyRefresh::watch(std::vector<std::shared_ptr<RemoteKeys>> keys) {
  keep_.close();
  std::vector<std::unique_ptr<Watched>> before = std::exchange(watched_, {});
  for (auto& one : keys) {
    auto known = std::find_if(before.begin(), before.end(),
                              [&](const auto& old) { return old && old->keys() == one; });
    if (known != before.end()) {
      watched_.push_back(std::move(*known));
      watched_.back()->renew();
      continue;
    }
    watched_.push_back(std::make_unique<Watched>(*this, std::move(one)));
    for (const auto& old : before) {
      if (old) watched_.back()->take_over(*old);
    }
    watched_.back()->begin();
    owner_->on_keys_settled(watched_.back()->keys());   // who asked before this may go on with old keys
  }
}

void KeyRefresh::fetch_all() {
  for (const auto& watched : watched_) watched->renew();
}

void KeyRefresh::on_keys_wanted() {
  mailbox_->post_work([self = self_] {
    if (*self == nullptr) return;
    for (const auto& watched : (*self)->watched_) watched->look();
  });
}

observe::KeyFacts KeyRefresh::facts() const {
  observe::KeyFacts facts;
  for (const auto& watched : watched_) facts.issuers.push_back(watched->facts());
  return facts;
}

}  // namespace sluice::control

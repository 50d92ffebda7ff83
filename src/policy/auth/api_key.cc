#include "policy/auth/api_key.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "policy/ask/store_question.h"
#include "policy/auth/key_store.h"
#include "policy/auth/problems.h"
#include "policy/headers.h"
#include "policy/query.h"

namespace sluice::policy {

using http::Field;
using http::FieldId;

/// What Redis says of one key.
struct StoredKey {
  const http::Problem* problem = nullptr;   // null: `line` is what the key grants
  KeyLine line;
  size_t bytes() const {
    size_t sum = line.consumer.capacity() + line.id.capacity() + line.grants.allow_ips.ranges.capacity() * sizeof(Cidr);
    for (const auto* list : {&line.grants.scopes, &line.grants.roles, &line.grants.groups})
      for (const std::string& text : *list) sum += sizeof(text) + text.capacity();
    for (const auto& [name, value] : line.grants.claims) sum += 2 * sizeof(name) + name.capacity() + value.capacity();
    return sum;
  }
};

namespace {

class StoredKeyReader final : public StoredReader<StoredKey> {
 public:
  StoredKeyReader(std::string name, std::string redis) : name_(std::move(name)), redis_(std::move(redis)) {}
  StoredKey read(std::optional<std::string_view> text) const override {
    if (!text) return {&kApiKeyUnknown, {}};
    JsonReader json(kKeyLineBytesMax);
    auto line = read_key_line(json, *text);
    if (line) return {nullptr, *std::move(line)};
    LOG(error, "key in redis refused", kv("auth", name_), kv("redis", redis_), kv("reason", line.error()));
    return {&kCredentialStoreUnavailable, {}};
  }

 private:
  std::string name_;
  std::string redis_;
};

/// As judge() put it there.
std::optional<KeyHash> hash_from(const AcceptedCredential& credential) {
  KeyHash hash;
  if (credential.handle.size() != hash.bytes.size()) return std::nullopt;
  std::copy(credential.handle.begin(), credential.handle.end(), hash.bytes.begin());
  return hash;
}

}  // namespace

ApiKeyAuthenticator::ApiKeyAuthenticator(std::string name, const AuthConfig& config,
                                         std::shared_ptr<const ApiKeys> keys,
                                         KeyLookup lookup)
    : name_(std::move(name)), header_(config.header_name()), header_id_(http::field_id(config.header_name())), query_(config.query),
      subprotocol_(config.subprotocol),
      challenge_("ApiKey realm=\"" + name_ + "\", header=\"" + header_ + "\""), keys_(std::move(keys)),
      lookup_(std::move(lookup)),
      uses_(lookup_.redis ? std::make_shared<SharedStoredUses>(name_, lookup_.redis) : nullptr) {}

std::string ApiKeyAuthenticator::describe() const {
  std::string out = "api_key in " + header_;
  if (!query_.empty()) out += " or the query's " + query_;
  if (lookup_.redis) out += ", keys in redis." + lookup_.redis->name();
  return out;
}

ApiKeyAuthenticator::Given ApiKeyAuthenticator::find(const http::Head& request) const {
  Given given;
  for (const Field& field : request.fields) {
    if (field.id != header_id_ || !equals_ignore_case(field.name(), header_)) continue;
    given.key = field.value();
    ++given.count;
  }
  Subprotocol::Given offered = subprotocol_.find(request);
  if (offered.count > 0) given.key = offered.credential;
  given.count += offered.count;
  if (query_.empty()) return given;
  each_query_parameter(request.query, [&](const QueryParameter& parameter) {
    if (parameter.name != query_) return;
    given.key = parameter.value;
    ++given.count;
  });
  return given;
}

Authenticator::Outcome ApiKeyAuthenticator::authenticate(Call& call) const {
  Given given = find(call.request());
  if (given.count == 0) return Outcome::absent();
  if (given.count > 1) return Outcome::refused(kCredentialsAmbiguous);
  if (given.key.empty() || given.key.size() > kApiKeyBytesMax) return Outcome::refused(kApiKeyUnknown);
  Worker& worker = workers_.of(call.worker());
  KeyHash hash;
  worker.hasher.add(given.key);
  worker.hasher.finish(hash.bytes.data());
  if (lookup_.redis) {
    const KeyLine* line = nullptr;
    Outcome outcome = look_up(call, hash, TimePoint{}, line);
    if (line == nullptr) return outcome;
    outcome = judge(call, hash, {line->consumer, line->id, line->grants, line->expires});
    if (outcome.finding == Finding::accepted) uses_->note(call, hash);
    return outcome;
  }
  const KeyTable& keys = worker.keys.get(keys_->live());
  std::optional<KeyTable::Found> found = keys.find(hash);
  if (!found) return Outcome::refused(kApiKeyUnknown);
  Outcome outcome = judge(call, hash, *found);
  if (outcome.finding == Finding::accepted) keys.note_use(found->index, call.clock().wall());
  return outcome;
}

Authenticator::Outcome ApiKeyAuthenticator::look_up(Call& call, const KeyHash& hash, TimePoint since,
                                                    const KeyLine*& line) const {
  using Desk = StoreDesk<StoredKey>;
  Worker& worker = workers_.of(call.worker());
  if (!worker.stored) {
    auto reader = std::make_shared<const StoredKeyReader>(name_, lookup_.redis->name());
    worker.stored = std::make_shared<Desk>(lookup_.redis, std::move(reader), lookup_.bytes_max);
  }
  Desk::Found found = worker.stored->find(call, stored_name(kStoredKeyPrefix, hash.bytes, call.arena()), since);
  switch (found.state) {
    case Desk::State::waiting:
      return Outcome::wait(call.clock().now() + kStoreWaitMax, kCredentialStoreUnavailable);
    case Desk::State::unavailable: return Outcome::refused(kCredentialStoreUnavailable);
    case Desk::State::known: break;
  }
  if (found.value->problem != nullptr) return Outcome::refused(*found.value->problem);
  const KeyLine& known = found.value->line;
  if (known.hash && *known.hash != hash) return Outcome::refused(kCredentialStoreUnavailable);
  line = &known;
  return Outcome::accepted();
}

Authenticator::Outcome ApiKeyAuthenticator::judge(Call& call, const KeyHash& hash,
                                                  const KeyTable::Found& found) const {
  if (found.expires <= call.clock().wall()) return Outcome::refused(kApiKeyExpired);
  if (!found.allows(call.client().ip, call.worker())) return Outcome::refused(kCredentialAddress);
  auto* identity = make_identity(call.arena(), found);
  identity->method = "api_key";
  identity->authenticator = name_;
  identity->handle = call.arena().copy({reinterpret_cast<const char*>(hash.bytes.data()), hash.bytes.size()});
  call.findings().identity = identity;
  return Outcome::accepted();
}

bool ApiKeyAuthenticator::revoked(const AcceptedCredential& credential) const {
  std::optional<KeyHash> hash = hash_from(credential);
  return hash && !keys_->live().current()->find(*hash);
}

Authenticator::Outcome ApiKeyAuthenticator::recheck(Call& call, const AcceptedCredential& credential,
                                                    TimePoint since) const {
  std::optional<KeyHash> hash = hash_from(credential);
  if (!hash) return Outcome::accepted();
  const KeyLine* line = nullptr;
  Outcome outcome = look_up(call, *hash, since, line);
  return line != nullptr && line->expires <= call.clock().wall() ? Outcome::refused(kApiKeyExpired) : outcome;
}

std::string_view ApiKeyAuthenticator::challenge(Arena&, const http::Problem*) const { return challenge_; }

void ApiKeyAuthenticator::remove_credential(http::Head& request, Arena& arena) const {
  // In any spelling: a lax upstream would read X_Api_Key too.
  request.fields.remove_if([this](const Field& field) { return same_header_name(field.name(), header_); });
  subprotocol_.remove(request, arena);
  if (!query_.empty() && request.has_query) {
    request.query = without_query_parameter(request.query, query_, arena);
    request.has_query = !request.query.empty();
  }
}

}  // namespace sluice::policy

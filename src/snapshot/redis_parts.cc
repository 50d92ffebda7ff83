#include "snapshot/redis_parts.h"

#include "base/log.h"
#include "snapshot/secrets.h"
#include "snapshot/tls_options.h"

namespace sluice::snapshot {
namespace {

crypto::Secret read(const config::SecretSource& source, const std::string& name, BuildFaults& faults) {
  if (source.empty()) return {};
  auto secret = read_secret(source, config::process_environment);
  if (secret) return *std::move(secret);
  faults.push_back("redis." + name + ": " + secret.error());
  return {};
}

std::shared_ptr<const redis::Logins> read_logins(const config::Section<RedisConfig>& section,
                                                 BuildFaults& faults) {
  const RedisConfig& from = section.value;
  auto logins = std::make_shared<redis::Logins>();
  logins->server = {from.user, read(from.password, section.name, faults)};
  logins->sentinel = {from.sentinel_user, read(from.sentinel_password, section.name, faults)};
  return logins;
}

bool same(const redis::Login& a, const redis::Login& b) {
  return a.user == b.user && a.password.bytes() == b.password.bytes();
}

}  // namespace

std::shared_ptr<const RedisPart> make_redis(const config::Section<RedisConfig>& section, MetricUse metric,
                                            BuildFaults& faults) {
  auto part = std::make_shared<RedisPart>();
  part->name = section.name;
  part->fingerprint = section.fingerprint;
  part->metric = std::move(metric);
  part->logins = std::make_shared<Live<redis::Logins>>(read_logins(section, faults));
  redis::Options options = redis_options(section);
  options.logins = part->logins;
  options.presence = std::make_shared<redis::SharedPresence>();
  if (section.value.uses_tls()) {
    auto loaded = net::SharedClientTls::load(tls_name(section), tls_options(section));
    if (loaded) {
      part->tls = *loaded;
      options.tls = part->tls;
    } else {
      faults.push_back(tls_name(section) + ": " + loaded.error().file + ": " + loaded.error().reason);
    }
  }
  part->instance = std::make_shared<const redis::Instance>(std::move(options));
  return part;
}

bool renew_logins(const Snapshot& snapshot) {
  bool renewed = false;
  for (const auto& part : snapshot.redis) {
    const auto* section = find_section(snapshot.config.redis, part->name);
    CHECK(section != nullptr);
    BuildFaults faults;
    std::shared_ptr<const redis::Logins> now = read_logins(*section, faults);
    for (const std::string& fault : faults) LOG(warn, "secret not renewed", kv("reason", fault));
    std::shared_ptr<const redis::Logins> before = part->logins->current();
    if (!faults.empty() || (same(now->server, before->server) && same(now->sentinel, before->sentinel))) continue;
    part->logins->replace(std::move(now));
    LOG(info, "secret renewed", kv("redis", part->name));
    renewed = true;
  }
  return renewed;
}

}  // namespace sluice::snapshot

// The logs' part in a change of the configuration: observe::LogSet does the work.
#pragma once

#include <optional>

#include "control/process.h"
#include "control/reload.h"
#include "export/courier.h"
#include "observe/log_set.h"
#include "snapshot/secrets.h"

namespace sluice::control {

/// The key of [log.audit], read where it is used only: `check` and `explain` are for people who may not know it.
/// gives: null when there is none        errors: why it cannot be read
inline Result<std::shared_ptr<const crypto::HmacKey>, std::string> read_audit_key(const observe::LogConfig& config) {
  using Key = std::shared_ptr<const crypto::HmacKey>;
  if (!config.audit || config.audit->key.empty()) return Key();
  auto secret = snapshot::read_secret(config.audit->key, config::process_environment);
  if (!secret) return "log.audit.key: " + secret.error();
  return Key(std::make_shared<const crypto::HmacKey>(crypto::Hash::sha256, secret->bytes()));
}

/// Where audit records go besides their file.
inline observe::AuditCopies open_audit_copies(exporting::Courier& courier, const snapshot::Snapshot& snapshot) {
  if (!snapshot.config.log.audit) return {};
  const observe::AuditConfig& audit = *snapshot.config.log.audit;
  exporting::CopyPlaces places{.on_overflow = audit.on_overflow, .syslog = audit.syslog, .redis = audit.redis,
                               .redis_options = {}};
  if (audit.redis) {
    const snapshot::RedisPart& redis = snapshot::find_part(snapshot.redis, audit.redis->store.name);
    places.redis_options = redis.instance->options();
    places.redis_options.presence.reset();   // of the workers
    places.redis_fingerprint = redis.fingerprint;
  }
  return courier.open(places);
}

/// What LogSet::prepare() makes of a snapshot's configuration, its secrets read.
inline Result<observe::LogSet::Prepared, std::vector<std::string>> prepare_logs(Process& process,
                                                                                const snapshot::Snapshot& snapshot) {
  const observe::LogConfig& config = snapshot.config.log;
  auto key = read_audit_key(config);
  if (!key) return std::vector<std::string>{key.error()};
  return process.logs.prepare(config, {*std::move(key), open_audit_copies(process.courier, snapshot)});
}

class LogPart final : public Participant {
 public:
  explicit LogPart(Process& process) : process_(&process) {}

  Result<void, std::vector<std::string>> prepare(const snapshot::Snapshot& next) override {
    auto prepared = prepare_logs(*process_, next);
    if (!prepared) return prepared.error();
    prepared_ = *std::move(prepared);
    return {};
  }
  void abandon() override { prepared_.reset(); }
  /// A file taken away is closed by itself, after the last worker has let go.
  void commit(Worker::Publication& publication) override {
    observe::LogSet& logs = process_->logs;
    logs.commit(*std::exchange(prepared_, std::nullopt));
    publication.access_log = logs.access_log();
    publication.audit_log = logs.audit_log();
  }

 private:
  Process* process_;
  std::optional<observe::LogSet::Prepared> prepared_;
};

}  // namespace sluice::control

// The logs' part in a change of the configuration: observe::LogSet does the work.
#pragma once

#include <optional>

#include "control/reload.h"
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

/// What LogSet::prepare() makes of a configuration, its secrets read.
inline Result<observe::LogSet::Prepared, std::vector<std::string>> prepare_logs(observe::LogSet& logs,
                                                                                const observe::LogConfig& config) {
  auto key = read_audit_key(config);
  if (!key) return std::vector<std::string>{key.error()};
  return logs.prepare(config, *std::move(key));
}

class LogPart final : public Participant {
 public:
  explicit LogPart(observe::LogSet& logs) : logs_(&logs) {}

  Result<void, std::vector<std::string>> prepare(const snapshot::Snapshot& next) override {
    auto prepared = prepare_logs(*logs_, next.config.log);
    if (!prepared) return prepared.error();
    prepared_ = *std::move(prepared);
    return {};
  }
  void abandon() override { prepared_.reset(); }
  /// A file taken away is closed by itself, after the last worker has let go.
  void commit(Worker::Publication& publication) override {
    logs_->commit(*std::exchange(prepared_, std::nullopt));
    publication.access_log = logs_->access_log();
    publication.audit_log = logs_->audit_log();
  }

 private:
  observe::LogSet* logs_;
  std::optional<observe::LogSet::Prepared> prepared_;
};

}  // namespace sluice::control

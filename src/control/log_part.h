// The logs' part in a change of the configuration: observe::LogSet does the work.
#pragma once

#include <optional>

#include "control/reload.h"
#include "observe/log_set.h"

namespace sluice::control {

class LogPart final : public Participant {
 public:
  explicit LogPart(observe::LogSet& logs) : logs_(&logs) {}

  Result<void, std::vector<std::string>> prepare(const snapshot::Snapshot& next) override {
    auto prepared = logs_->prepare(next.config.log);
    if (!prepared) return prepared.error();
    prepared_ = *std::move(prepared);
    return {};
  }
  void abandon() override { prepared_.reset(); }
  /// A file taken away is closed by itself, after the last worker has let go.
  void commit(Worker::Publication& publication) override {
    logs_->commit(*std::exchange(prepared_, std::nullopt));
    publication.access_log = logs_->access_log();
  }

 private:
  observe::LogSet* logs_;
  std::optional<observe::LogSet::Prepared> prepared_;
};

}  // namespace sluice::control

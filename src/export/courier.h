// Brings audit records to where they go besides their file, on a thread and loop of its own: a slow network holds up
// neither requests nor the thread that writes logs. The thread begins with the first place.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "observe/audit_config.h"
#include "observe/audit_copy.h"
#include "observe/log_file.h"
#include "redis/options.h"

namespace sluice::exporting {

/// Where records are to go: what [log.audit] says, with what [redis.NAME] stands for.
struct CopyPlaces {
  observe::OnOverflow on_overflow = observe::OnOverflow::count;
  std::optional<observe::SyslogConfig> syslog;
  std::optional<observe::RedisStreamConfig> redis;
  redis::Options redis_options;
  uint64_t redis_fingerprint = 0;   // of [redis.NAME]: another one is another place
};

/// The keeper's thread.
class Courier {
 public:
  static constexpr std::chrono::milliseconds kPatience{2'000};   // with what is left when a place is given up

  explicit Courier(uint64_t random_seed);
  Courier(const Courier&) = delete;
  ~Courier();

  /// gives: the copies, those that are open already included. A place that nobody holds any more gets what it was
  /// given before it is left, within kPatience; nothing connects before there is a record
  observe::AuditCopies open(const CopyPlaces& places);
  /// By name of the place, as logs are counted.
  std::vector<std::pair<std::string, observe::LogCounts>> counts() const;
  /// Brings what is left, and ends. needs: nobody holds a copy
  void stop(std::chrono::milliseconds patience = kPatience);

 private:
  class Rounds;

  template <class Make>
  std::shared_ptr<observe::AuditCopy> open_one(const std::string& name, const std::string& key,
                                               observe::OnOverflow on_overflow, Make make);

  uint64_t random_seed_;
  std::map<std::string, observe::SharedLogCounts> counts_;          // by name; outlive the queues
  std::unique_ptr<Rounds> rounds_;                                  // null before the first place
  std::map<std::string, std::weak_ptr<observe::AuditCopy>> open_;   // by what makes two places one
};

}  // namespace sluice::exporting

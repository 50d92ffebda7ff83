// What came of the questions that the gateway asks one service: token introspection, an authorizer. Any worker counts,
// the scrape reads.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/counter.h"
#include "base/histogram.h"

namespace sluice::observe {

enum class ServiceOutcome : uint8_t {
  accepted,
  refused,
  failed,    // no answer in time, or none that can be used
  unasked,   // too many questions were open
};
inline constexpr std::string_view kServiceOutcomeLabels[] = {"accepted", "refused", "failed", "unasked"};
inline constexpr size_t kServiceOutcomes = std::size(kServiceOutcomeLabels);

class SharedServiceCounts {
 public:
  /// `connections` were opened for it. cost: a mutex, beside a question over the network
  void count(ServiceOutcome outcome, Duration took, unsigned connections) {
    std::lock_guard lock(mutex_);
    outcomes_[static_cast<size_t>(outcome)].add();
    seconds_.record(took);
    connections_.add(connections);
  }
  void count_unasked() {
    std::lock_guard lock(mutex_);
    outcomes_[static_cast<size_t>(ServiceOutcome::unasked)].add();
  }
  // Any thread, without the mutex.
  uint64_t count_of(size_t outcome) const { return outcomes_[outcome].value(); }
  uint64_t connections() const { return connections_.value(); }
  const Histogram& seconds() const { return seconds_; }

 private:
  std::mutex mutex_;   // one writer at a time
  std::array<Counter, kServiceOutcomes> outcomes_;
  Histogram seconds_;
  Counter connections_;
};

/// By name: "auth.customers", "authorizer.permissions".
using ServiceCounts = std::map<std::string, std::shared_ptr<SharedServiceCounts>>;

}  // namespace sluice::observe

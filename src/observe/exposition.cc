// The door to prometheus-cpp: its TextSerializer writes what a Collectable of ours collects.
#include "observe/exposition.h"

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include "observe/tables.h"

namespace sluice::observe {
namespace {

// What is too small for a table of its own, in the library's terms.
class ProcessCollector final : public prometheus::Collectable {
 public:
  explicit ProcessCollector(const ProcessFacts& facts) : facts_(facts) {}

  std::vector<prometheus::MetricFamily> Collect() const override {
    const ProcessUsage& usage = facts_.usage;
    std::vector<prometheus::MetricFamily> families{
        family(Family::build_info, {metric(1, "version", facts_.version)}),
        family(Family::config_hash, {metric(1, "hash", facts_.config_hash)}),
        family(Family::process_cpu, {metric(usage.cpu_seconds)}),
        family(Family::process_memory, {metric(static_cast<double>(usage.resident_bytes))}),
        family(Family::process_open_fds, {metric(static_cast<double>(usage.open_fds))}),
        family(Family::process_max_fds, {metric(static_cast<double>(usage.max_fds))}),
        family(Family::process_start_time, {metric(usage.start_time_seconds)})};
    if (!facts_.logs.empty()) {
      families.push_back(logs(Family::log_lines, &LogCountsOf::lines));
      families.push_back(logs(Family::log_lines_dropped, &LogCountsOf::dropped));
    }
    return families;
  }

 private:
  static prometheus::ClientMetric metric(double value, std::string_view label = {},
                                         std::string_view label_value = {}) {
    prometheus::ClientMetric out;
    out.counter.value = out.gauge.value = value;   // the family's type says which one is read
    if (!label.empty()) out.label.push_back({std::string(label), valid_utf8(label_value)});
    return out;
  }

  static prometheus::MetricFamily family(Family which,
                                         std::vector<prometheus::ClientMetric> metrics) {
    const FamilyFacts& facts = family_facts(which);
    bool counts = facts.type == MetricType::counter;
    return {std::string(facts.name), std::string(facts.help),
            counts ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge,
            std::move(metrics)};
  }

  prometheus::MetricFamily logs(Family which, uint64_t LogCountsOf::*count) const {
    std::vector<prometheus::ClientMetric> metrics;
    for (const LogCountsOf& log : facts_.logs) {
      metrics.push_back(metric(static_cast<double>(log.*count), "log", log.log));
    }
    return family(which, std::move(metrics));
  }

  const ProcessFacts& facts_;
};

}  // namespace

std::string expose(const Registry& registry, const ProcessFacts& facts) {
  std::string out = prometheus::TextSerializer().Serialize(ProcessCollector(facts).Collect());
  TextPage page(out);
  write_tables(registry, page);
  return out;
}

}  // namespace sluice::observe

// The door to prometheus-cpp: what a Collectable of ours collects is written by its TextSerializer.
// It knows no OpenMetrics: there the same goes through our own page.
#include "observe/exposition.h"

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <charconv>
#include <initializer_list>

#include "base/text.h"
#include "observe/tables.h"

namespace sluice::observe {
namespace {

// What is too small for a table of its own, in the library's terms.
class ProcessCollector final : public prometheus::Collectable {
 public:
  explicit ProcessCollector(const ProcessFacts& facts) : facts_(facts) {}

  std::vector<prometheus::MetricFamily> Collect() const override {
    std::vector<prometheus::MetricFamily> out;
    each([&](Family, prometheus::MetricFamily&& family) { out.push_back(std::move(family)); });
    return out;
  }

  // Calls visit(Family, MetricFamily&&).
  template <class Visit>
  void each(Visit visit) const {
    auto add = [&](Family which, std::vector<prometheus::ClientMetric> metrics) {
      if (!metrics.empty()) visit(which, family(which, std::move(metrics)));
    };
    auto one = [&](Family which, double value) { add(which, {metric(value)}); };
    const ProcessUsage& usage = facts_.usage;
    add(Family::build_info, {metric(1, {{"version", facts_.version}})});
    add(Family::config_hash, {metric(1, {{"hash", facts_.config_hash},
                                             {"files_hash", facts_.files_hash}})});
    auto reloads = [](uint64_t count, std::string_view result) {
      return metric(static_cast<double>(count), {{"result", result}});
    };
    add(Family::reloads, {reloads(facts_.reloads_applied, "applied"),
                          reloads(facts_.reloads_unchanged, "unchanged"),
                          reloads(facts_.reloads_refused, "refused")});
    one(Family::reload_success, facts_.reload_succeeded ? 1 : 0);
    one(Family::reload_time, facts_.reloaded_at_seconds);
    one(Family::limit_forgotten, static_cast<double>(facts_.limit_keys_forgotten));
    one(Family::traffic_memory, static_cast<double>(facts_.traffic_bytes));
    one(Family::traffic_memory_limit, static_cast<double>(facts_.traffic_bytes_max));
    one(Family::connections_limit, static_cast<double>(facts_.connections_max));
    one(Family::process_cpu, usage.cpu_seconds);
    one(Family::process_memory, static_cast<double>(usage.resident_bytes));
    one(Family::process_virtual_memory, static_cast<double>(usage.virtual_bytes));
    one(Family::process_threads, static_cast<double>(usage.threads));
    one(Family::process_open_fds, static_cast<double>(usage.open_fds));
    one(Family::process_max_fds, static_cast<double>(usage.max_fds));
    one(Family::process_start_time, usage.start_time_seconds);
    add(Family::log_lines, logs(&LogCounts::lines));
    add(Family::log_lines_dropped, logs(&LogCounts::dropped));
    add(Family::log_failures, logs(&LogCounts::failures));
    one(Family::log_lines_suppressed, static_cast<double>(facts_.log_lines_suppressed));
    if (facts_.audit) {
      one(Family::audit_records, static_cast<double>(facts_.audit->sequence));
      add(Family::audit_head, {metric(1, {{"sequence", std::to_string(facts_.audit->sequence)},
                                          {"hash", facts_.audit->hash_text()}})});
    }
    const CertificateFacts& certificates = facts_.certificates;
    std::vector<prometheus::ClientMetric> expiries, replaced, refused;
    for (const auto& expiry : certificates.expiries) {
      expiries.push_back(metric(static_cast<double>(expiry.at),
                                {{"tls", expiry.tls}, {"file", expiry.file}}));
    }
    for (const auto& table : certificates.tables) {
      replaced.push_back(metric(static_cast<double>(table.replaced), {{"tls", table.tls}}));
      refused.push_back(metric(static_cast<double>(table.refused), {{"tls", table.tls}}));
    }
    add(Family::tls_expiry, std::move(expiries));
    add(Family::tls_reloads, std::move(replaced));
    add(Family::tls_reload_failures, std::move(refused));
    std::vector<prometheus::ClientMetric> fetches, failures, keys, fetched;
    for (const auto& issuer : facts_.keys.issuers) {
      fetches.push_back(metric(static_cast<double>(issuer.fetched), {{"auth", issuer.auth}}));
      failures.push_back(metric(static_cast<double>(issuer.failed), {{"auth", issuer.auth}}));
      keys.push_back(metric(static_cast<double>(issuer.keys), {{"auth", issuer.auth}}));
      fetched.push_back(metric(issuer.fetched_at, {{"auth", issuer.auth}}));
    }
    add(Family::key_fetches, std::move(fetches));
    add(Family::key_fetch_failures, std::move(failures));
    add(Family::keys, std::move(keys));
    add(Family::keys_fetched, std::move(fetched));
  }

 private:
  using Label = std::pair<std::string_view, std::string_view>;

  static prometheus::ClientMetric metric(double value, std::initializer_list<Label> labels = {}) {
    prometheus::ClientMetric out;
    out.counter.value = out.gauge.value = value;   // the family's type says which one is read
    for (const auto& [name, text] : labels) {
      if (!text.empty()) out.label.push_back({std::string(name), valid_utf8(text)});
    }
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

  std::vector<prometheus::ClientMetric> logs(uint64_t LogCounts::*count) const {
    std::vector<prometheus::ClientMetric> metrics;
    for (const auto& [name, counts] : facts_.logs) {
      metrics.push_back(metric(static_cast<double>(counts.*count), {{"log", name}}));
    }
    return metrics;
  }

  const ProcessFacts& facts_;
};

void write_process(const ProcessFacts& facts, TextPage& page) {
  ProcessCollector(facts).each([&](Family which, prometheus::MetricFamily&& family) {
    page.family(which);
    for (const prometheus::ClientMetric& metric : family.metric) {
      std::string labels;
      for (const auto& label : metric.label) {
        labels += (labels.empty() ? "" : ",") + render_label(label.name, label.value);
      }
      page.sample({labels}, metric.gauge.value);
    }
  });
}

constexpr std::string_view kOpenMetrics = "application/openmetrics-text";

struct MediaRange {
  std::string_view type;      // without parameters
  std::string_view version;   // empty: any
  double quality = 1;
};

MediaRange read_range(std::string_view element) {
  MediaRange out;
  size_t end = element.find(';');
  out.type = trim_ows(element.substr(0, end));
  while (end != std::string_view::npos) {
    element.remove_prefix(end + 1);
    end = element.find(';');
    std::string_view parameter = trim_ows(element.substr(0, end));
    size_t equals = std::min(parameter.find('='), parameter.size());
    std::string_view value = parameter.substr(std::min(equals + 1, parameter.size()));
    if (equals_ignore_case(parameter.substr(0, equals), "version")) out.version = value;
    if (equals_ignore_case(parameter.substr(0, equals), "q")) {
      auto read = std::from_chars(value.data(), value.data() + value.size(), out.quality);
      if (read.ec != std::errc{} || !(out.quality >= 0 && out.quality <= 1)) out.quality = 0;
    }
  }
  return out;
}

}  // namespace

PageForm page_form(std::string_view accept) {
  double openmetrics = 0, prometheus = 0;
  each_list_element(accept, [&](std::string_view element) {
    MediaRange range = read_range(element);
    if (equals_ignore_case(range.type, kOpenMetrics)) {
      // 0.0.1 is the draft that old scrapers ask for; what we write is 1.0.
      if (range.version.empty() || range.version == "1.0.0") {
        openmetrics = std::max(openmetrics, range.quality);
      }
    } else if (equals_ignore_case(range.type, "text/plain")) {
      prometheus = std::max(prometheus, range.quality);
    }
    return true;
  });
  return openmetrics > 0 && openmetrics >= prometheus ? PageForm::openmetrics
                                                      : PageForm::prometheus;
}

std::string_view page_type(PageForm form) {
  if (form == PageForm::openmetrics) {
    return "application/openmetrics-text; version=1.0.0; charset=utf-8";
  }
  return "text/plain; version=0.0.4; charset=utf-8";
}

std::string expose(const Registry& registry, const ProcessFacts& facts, PageForm form) {
  std::string out;
  if (form == PageForm::prometheus) {
    out = prometheus::TextSerializer().Serialize(ProcessCollector(facts).Collect());
  }
  TextPage page(out, form);
  if (form == PageForm::openmetrics) write_process(facts, page);
  write_tables(registry, page);
  write_services(facts.services, page);
  write_health(facts.health, page);
  page.end();
  return out;
}

}  // namespace sluice::observe

#include "observe/text_page.h"

#include <charconv>

#include "base/text.h"

namespace sluice::observe {
namespace {

// The bucket with this bound; does not compile for a bound that no bucket has.
consteval size_t bucket_with(uint64_t micros) {
  for (size_t i = 0; i < Histogram::kBuckets; ++i) {
    if (Histogram::bound_micros(i) == micros) return i;
  }
  throw "no bucket ends here";
}

// Written as OpenMetrics wants them (1.0), in both formats, so that series are the same.
// From what the gateway adds (tens of microseconds) to the longest timeouts.
constexpr Bound kBounds[] = {
    {"1e-05", bucket_with(10)},       {"2e-05", bucket_with(20)},
    {"5e-05", bucket_with(50)},       {"0.0001", bucket_with(100)},
    {"0.0002", bucket_with(200)},     {"0.0005", bucket_with(500)},
    {"0.001", bucket_with(1'000)},    {"0.002", bucket_with(2'000)},
    {"0.005", bucket_with(5'000)},    {"0.01", bucket_with(10'000)},
    {"0.02", bucket_with(20'000)},    {"0.05", bucket_with(50'000)},
    {"0.1", bucket_with(100'000)},    {"0.2", bucket_with(200'000)},
    {"0.5", bucket_with(500'000)},    {"1.0", bucket_with(1'000'000)},
    {"2.0", bucket_with(2'000'000)},    {"5.0", bucket_with(5'000'000)},
    {"10.0", bucket_with(10'000'000)},  {"30.0", bucket_with(30'000'000)},
    {"60.0", bucket_with(60'000'000)},
};
constexpr size_t kFirstRequestBound = 5;   // "0.0005": no request over a network is faster

}  // namespace

namespace {

// The name of a family in OpenMetrics is without the suffix that its type gives to samples.
std::string_view family_name(const FamilyFacts& facts) {
  std::string_view name = facts.name;
  for (std::string_view suffix : {std::string_view("_total"), std::string_view("_info")}) {
    if (name.ends_with(suffix)) name.remove_suffix(suffix.size());
  }
  return name;
}

std::string_view unit_of(std::string_view family) {
  for (std::string_view unit : {std::string_view("seconds"), std::string_view("bytes")}) {
    if (family.ends_with(unit)) return unit;
  }
  return {};
}

}  // namespace

std::string valid_utf8(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    size_t length = utf8_sequence(text);
    if (length == 0) out += "\xef\xbf\xbd";
    else out += text.substr(0, length);
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

std::string render_label(std::string_view name, std::string_view value) {
  std::string out(name);
  out += "=\"";
  for (char c : valid_utf8(value)) {
    if (c == '\n') { out += "\\n"; continue; }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
  return out;
}

void TextPage::family(Family family) {
  facts_ = &family_facts(family);
  header_written_ = false;
}

void TextPage::header() {
  if (header_written_) return;
  header_written_ = true;
  std::string_view name = facts_->name;
  std::string_view type = metric_type_name(facts_->type);
  bool openmetrics = form_ == PageForm::openmetrics;
  if (openmetrics) name = family_name(*facts_);
  else if (facts_->type == MetricType::info) type = metric_type_name(MetricType::gauge);
  out_.append("# HELP ").append(name).append(" ").append(facts_->help);
  out_.append("\n# TYPE ").append(name).append(" ").append(type).append("\n");
  std::string_view unit = openmetrics ? unit_of(name) : std::string_view{};
  if (!unit.empty()) out_.append("# UNIT ").append(name).append(" ").append(unit).append("\n");
}

void TextPage::line(std::string_view suffix, std::initializer_list<std::string_view> labels) {
  out_.append(facts_->name).append(suffix);
  char before = '{';
  for (std::string_view label : labels) {
    if (label.empty()) continue;
    out_ += before;
    out_.append(label);
    before = ',';
  }
  if (before == ',') out_ += '}';
  out_ += ' ';
}

void TextPage::number(uint64_t value) {
  char digits[20];
  out_.append(digits, static_cast<size_t>(write_decimal(digits, value) - digits));
  out_ += '\n';
}

void TextPage::sample(std::initializer_list<std::string_view> labels, uint64_t value) {
  header();
  line("", labels);
  number(value);
}

void TextPage::sample(std::initializer_list<std::string_view> labels, double value) {
  header();
  line("", labels);
  char digits[32];
  out_.append(digits, std::to_chars(digits, std::end(digits), value).ptr);
  out_ += '\n';
}

void TextPage::end() {
  if (form_ == PageForm::openmetrics) out_ += "# EOF\n";
}

void TextPage::duration(std::string_view labels, const HistogramTotals& totals) {
  header();
  size_t first = facts_ == &family_facts(Family::gateway_overhead) ? 0 : kFirstRequestBound;
  uint64_t below = 0;
  size_t bucket = 0;
  for (size_t i = first; i < std::size(kBounds); ++i) {
    while (bucket <= kBounds[i].bucket) below += totals.buckets[bucket++];
    out_.append(facts_->name).append("_bucket{");
    if (!labels.empty()) out_.append(labels).append(",");
    out_.append("le=\"").append(kBounds[i].seconds).append("\"} ");
    number(below);
  }
  uint64_t count = totals.count();
  line("_bucket", {labels, "le=\"+Inf\""});
  number(count);
  line("_sum", {labels});
  std::string fraction = std::to_string(1'000'000'000 + totals.sum_ns % 1'000'000'000);
  out_.append(std::to_string(totals.sum_ns / 1'000'000'000)).append(".");
  out_.append(fraction, 1).append("\n");
  line("_count", {labels});
  number(count);
}

}  // namespace sluice::observe

// The text format of Prometheus, version 0.0.4, and OpenMetrics 1.0: families, samples, histograms,
// escaping. Label sets come rendered (route="a"), so that a line is a few appends. Knows no
// registry: observe/tables.cc does.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "observe/families.h"
#include "observe/histogram.h"

namespace sluice::observe {

/// gives: name="value", with backslash, quote and newline escaped and invalid UTF-8 as U+FFFD
std::string render_label(std::string_view name, std::string_view value);
/// The value alone, made valid UTF-8, nothing escaped.
std::string valid_utf8(std::string_view text);

/// The two formats differ in the names of families, the types they know, and the end.
enum class PageForm : uint8_t { prometheus, openmetrics };

/// A bound of the exposition and the last bucket that lies below it.
struct Bound {
  std::string_view seconds;
  size_t bucket;
};

class TextPage {
 public:
  /// Appends to `out`, which outlives the page.
  explicit TextPage(std::string& out, PageForm form = PageForm::prometheus)
      : out_(out), form_(form) {}

  /// Begins a family; its header is written with its first sample, so that an empty one leaves no
  /// trace.
  void family(Family family);
  /// One sample of the family begun: labels are rendered, empty ones are left out.
  void sample(std::initializer_list<std::string_view> labels, uint64_t value);
  void sample(std::initializer_list<std::string_view> labels, double value);
  /// The lines of one histogram.
  void duration(std::string_view labels, const HistogramTotals& totals);
  /// The end of the page, where the format has one.
  void end();

 private:
  void header();
  void line(std::string_view suffix, std::initializer_list<std::string_view> labels);
  void number(uint64_t value);

  std::string& out_;
  PageForm form_;
  const FamilyFacts* facts_ = nullptr;
  bool header_written_ = false;
};

}  // namespace sluice::observe

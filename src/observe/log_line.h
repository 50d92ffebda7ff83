// Fills a LogFormat's template from an AccessRecord. Whatever the values hold, the line stays one
// line of as many columns as the template has.
#pragma once

#include <string_view>

#include "observe/access_record.h"
#include "observe/log_format.h"
#include "observe/time_text.h"

namespace sluice::observe {

enum class Queries : bool { left_out, written };

class TemplateLine {
 public:
  /// Looks the values up. needs: `format` and `record` as long as this lives
  TemplateLine(const LogFormat& format, const AccessRecord& record, Queries queries);

  /// Room that write() may need.
  size_t worst() const { return worst_; }
  /// gives: the end of the line, after its newline        needs: worst() bytes at `out`
  char* write(char* out, TimeText& time, ClfTimeText& clf_time) const;

  /// The longest line of any template and record; a buffer holds it.
  static constexpr size_t kWorstMax = 60 * 1024;

 private:
  char* write_text(char* out, size_t i) const;

  const LogFormat& format_;
  const AccessRecord& record_;
  size_t worst_ = 0;
  uint64_t cut_ = 0;                                 // by part: its text was too long
  std::string_view texts_[LogFormat::kPartsMax];     // by part
};

}  // namespace sluice::observe

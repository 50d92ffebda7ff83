#include "policy/auth/moment.h"

#include "base/text.h"

namespace sluice::policy {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

/// Takes digits and single characters off the front of a text.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}
  bool done() const { return rest_.empty(); }
  std::optional<unsigned> number(size_t digits, unsigned most) {
    if (rest_.size() < digits) return std::nullopt;
    std::optional<uint64_t> value = parse_decimal(rest_.substr(0, digits));
    if (!value || *value > most) return std::nullopt;
    rest_.remove_prefix(digits);
    return static_cast<unsigned>(*value);
  }
  bool take(std::string_view any_of) {
    if (rest_.empty() || any_of.find(rest_[0]) == std::string_view::npos) return false;
    last_ = rest_[0];
    rest_.remove_prefix(1);
    return true;
  }
  char last() const { return last_; }
  void skip_digits() {
    while (!rest_.empty() && is_digit(rest_[0])) rest_.remove_prefix(1);
  }

 private:
  std::string_view rest_;
  char last_ = 0;
};

// "12:00:00", a fraction that is not looked at, and a zone.
std::optional<seconds> time_of_day(Scanner& scan) {
  auto hour = scan.number(2, 23);
  if (!hour || !scan.take(":")) return std::nullopt;
  auto minute = scan.number(2, 59);
  if (!minute || !scan.take(":")) return std::nullopt;
  auto second = scan.number(2, 60);
  if (!second) return std::nullopt;
  if (scan.take(".")) scan.skip_digits();
  seconds out = std::chrono::hours(*hour) + minutes(*minute) + seconds(*second);
  if (scan.take("Zz")) return out;
  if (!scan.take("+-")) return std::nullopt;
  int sign = scan.last() == '+' ? -1 : 1;
  auto ahead_hours = scan.number(2, 23);
  if (!ahead_hours || !scan.take(":")) return std::nullopt;
  auto ahead_minutes = scan.number(2, 59);
  if (!ahead_minutes) return std::nullopt;
  return out + sign * (std::chrono::hours(*ahead_hours) + minutes(*ahead_minutes));
}

}  // namespace

std::optional<WallTime> parse_moment(std::string_view text) {
  Scanner scan(text);
  auto year = scan.number(4, 9999);
  if (!year || !scan.take("-")) return std::nullopt;
  auto month = scan.number(2, 12);
  if (!month || !scan.take("-")) return std::nullopt;
  auto day = scan.number(2, 31);
  if (!day) return std::nullopt;
  std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)), std::chrono::month(*month),
                                   std::chrono::day(*day)};
  if (!date.ok()) return std::nullopt;
  WallTime at = std::chrono::time_point_cast<milliseconds>(std::chrono::sys_days(date));
  if (scan.done()) return at;
  if (!scan.take("Tt ")) return std::nullopt;
  auto time = time_of_day(scan);
  if (!time || !scan.done()) return std::nullopt;
  return at + *time;
}

}  // namespace sluice::policy

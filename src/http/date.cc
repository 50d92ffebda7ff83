#include "http/date.h"

#include <array>
#include <cstring>

#include "base/text.h"

namespace sluice::http {

namespace {

constexpr std::array<std::string_view, 7> kDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                   "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/// A cursor over the text: each step takes what it names, or makes the whole a failure.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  void literal(std::string_view expected) {
    if (!text_.starts_with(expected)) return fail();
    text_.remove_prefix(expected.size());
  }
  int number(size_t digits) {
    int value = 0;
    for (size_t i = 0; i < digits; ++i) {
      if (text_.empty() || !is_digit(text_.front())) { fail(); return 0; }
      value = value * 10 + (text_.front() - '0');
      text_.remove_prefix(1);
    }
    return value;
  }
  /// gives: 1..12
  unsigned month() {
    for (size_t i = 0; i < kMonths.size(); ++i) {
      if (!text_.starts_with(kMonths[i])) continue;
      text_.remove_prefix(3);
      return static_cast<unsigned>(i + 1);
    }
    fail();
    return 1;
  }
  /// A weekday's name, whole or its first three letters. gives: whether it was whole
  bool weekday() {
    for (std::string_view day : kDays) {
      if (!text_.starts_with(day.substr(0, 3))) continue;
      bool whole = text_.starts_with(day);
      text_.remove_prefix(whole ? day.size() : 3);
      return whole;
    }
    fail();
    return false;
  }
  bool take_space() {
    if (!text_.starts_with(' ')) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool done() const { return good_ && text_.empty(); }

 private:
  void fail() {
    good_ = false;
    text_ = {};
  }
  std::string_view text_;
  bool good_ = true;
};

struct Parts {
  int year = 0;
  unsigned month = 1;
  int day = 1;
  int hour = 0;
  int minute = 0;
  int second = 0;
};

void read_time(Reader& reader, Parts& parts) {
  parts.hour = reader.number(2);
  reader.literal(":");
  parts.minute = reader.number(2);
  reader.literal(":");
  parts.second = reader.number(2);
}

int full_year(int two_digits, WallTime now) {
  using namespace std::chrono;
  int this_year = static_cast<int>(year_month_day{floor<days>(now)}.year());
  int year = this_year - this_year % 100 + two_digits;
  return year > this_year + 50 ? year - 100 : year;
}

std::optional<WallTime> to_time(const Parts& parts) {
  using namespace std::chrono;
  year_month_day date{year{parts.year}, month{parts.month}, day{static_cast<unsigned>(parts.day)}};
  // 60 is a leap second: it is read as the second after.
  if (!date.ok() || parts.hour > 23 || parts.minute > 59 || parts.second > 60) return std::nullopt;
  return WallTime{sys_days{date} + hours{parts.hour} + minutes{parts.minute} +
                  seconds{parts.second}};
}

}  // namespace

char* write_date(char* out, WallTime time) {
  using namespace std::chrono;
  auto midnight = floor<days>(time);
  year_month_day date{midnight};
  hh_mm_ss clock{floor<seconds>(time - midnight)};
  auto text = [&out](std::string_view piece) {
    std::memcpy(out, piece.data(), piece.size());
    out += piece.size();
  };
  auto two = [&out](unsigned value) {
    *out++ = static_cast<char>('0' + value / 10 % 10);
    *out++ = static_cast<char>('0' + value % 10);
  };
  text(kDays[weekday{midnight}.c_encoding()].substr(0, 3));
  text(", ");
  two(static_cast<unsigned>(date.day()));
  text(" ");
  text(kMonths[static_cast<unsigned>(date.month()) - 1]);
  text(" ");
  auto year_number = static_cast<unsigned>(static_cast<int>(date.year()));
  two(year_number / 100);
  two(year_number % 100);
  text(" ");
  two(static_cast<unsigned>(clock.hours().count()));
  text(":");
  two(static_cast<unsigned>(clock.minutes().count()));
  text(":");
  two(static_cast<unsigned>(clock.seconds().count()));
  text(" GMT");
  return out;
}

std::optional<WallTime> parse_date(std::string_view text, WallTime now) {
  Reader reader(text);
  Parts parts;
  bool whole_name = reader.weekday();
  if (!whole_name && reader.take_space()) {         // Sun Nov  6 08:49:37 1994
    parts.month = reader.month();
    reader.literal(" ");
    parts.day = reader.number(reader.take_space() ? 1 : 2);
    reader.literal(" ");
    read_time(reader, parts);
    reader.literal(" ");
    parts.year = reader.number(4);
  } else {
    const char* separator = whole_name ? "-" : " ";   // Sunday, 06-Nov-94; Sun, 06 Nov 1994
    reader.literal(", ");
    parts.day = reader.number(2);
    reader.literal(separator);
    parts.month = reader.month();
    reader.literal(separator);
    parts.year = whole_name ? full_year(reader.number(2), now) : reader.number(4);
    reader.literal(" ");
    read_time(reader, parts);
    reader.literal(" GMT");
  }
  return reader.done() ? to_time(parts) : std::nullopt;
}

}  // namespace sluice::http

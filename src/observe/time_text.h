// Wall time as text, 2026-11-21T02:42:20.123Z, with the second's part kept from line to line; and
// as the Common Log Format has it.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/clock.h"

namespace sluice::observe {

class TimeText {
 public:
  static constexpr size_t kBytes = 24;
  /// Writes kBytes at `out`. gives: the end        needs: a year of four digits
  char* write(char* out, WallTime time) {
    auto seconds = std::chrono::floor<std::chrono::seconds>(time);
    if (seconds != second_) renew(seconds);
    std::memcpy(out, text_.data(), kBytes);
    auto millis = static_cast<unsigned>((time - seconds).count());
    out[20] = static_cast<char>('0' + millis / 100);
    out[21] = static_cast<char>('0' + millis / 10 % 10);
    out[22] = static_cast<char>('0' + millis % 10);
    return out + kBytes;
  }

 private:
  void renew(std::chrono::sys_seconds seconds) {
    second_ = seconds;
    auto day = std::chrono::floor<std::chrono::days>(seconds);
    std::chrono::year_month_day date{day};
    std::chrono::hh_mm_ss<std::chrono::seconds> clock{seconds - day};
    digits(0, 4, static_cast<unsigned>(static_cast<int>(date.year())));
    digits(5, 2, static_cast<unsigned>(date.month()));
    digits(8, 2, static_cast<unsigned>(date.day()));
    digits(11, 2, static_cast<unsigned>(clock.hours().count()));
    digits(14, 2, static_cast<unsigned>(clock.minutes().count()));
    digits(17, 2, static_cast<unsigned>(clock.seconds().count()));
  }
  void digits(size_t at, size_t count, unsigned value) {
    for (size_t i = count; i-- > 0; value /= 10) {
      text_[at + i] = static_cast<char>('0' + value % 10);
    }
  }

  std::chrono::sys_seconds second_{std::chrono::seconds{-1}};
  std::array<char, kBytes + 1> text_{"0000-00-00T00:00:00.000Z"};
};

/// The same for the Common Log Format, 21/Nov/2026:02:42:20 +0000.
class ClfTimeText {
 public:
  static constexpr size_t kBytes = 26;
  /// Writes kBytes at `out`. gives: the end        needs: a year of four digits
  char* write(char* out, WallTime time) {
    auto seconds = std::chrono::floor<std::chrono::seconds>(time);
    if (seconds != second_) renew(seconds);
    std::memcpy(out, text_.data(), kBytes);
    return out + kBytes;
  }

 private:
  void renew(std::chrono::sys_seconds seconds) {
    constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char iso[TimeText::kBytes];
    iso_.write(iso, seconds);
    second_ = seconds;
    size_t month = static_cast<size_t>(iso[5] - '0') * 10 + static_cast<size_t>(iso[6] - '0') - 1;
    std::memcpy(text_.data(), iso + 8, 2);
    std::memcpy(text_.data() + 3, kMonths.data() + 3 * month, 3);
    std::memcpy(text_.data() + 7, iso, 4);
    std::memcpy(text_.data() + 12, iso + 11, 8);
  }

  TimeText iso_;
  std::chrono::sys_seconds second_{std::chrono::seconds{-1}};
  std::array<char, kBytes + 1> text_{"00/Mon/0000:00:00:00 +0000"};
};

}  // namespace sluice::observe

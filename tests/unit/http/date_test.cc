#include "http/date.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::http {
namespace {

using std::chrono::seconds;

WallTime at(int64_t unix_seconds) { return WallTime{seconds{unix_seconds}}; }
const WallTime kNow = at(1'700'000'000);   // 2023

std::string written(WallTime time) {
  char out[kDateBytes];
  return {out, write_date(out, time)};
}

TEST(Date, is_written_as_imf_fixdate) {
  EXPECT_EQ(written(at(784111777)), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(written(at(784111777) + std::chrono::milliseconds{999}),
            "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(written(at(0)), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(written(at(951868799)), "Tue, 29 Feb 2000 23:59:59 GMT");
  EXPECT_EQ(written(at(-1)), "Wed, 31 Dec 1969 23:59:59 GMT");
}

TEST(Date, is_read_in_all_three_forms) {
  for (std::string_view text : {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                                "Sun Nov  6 08:49:37 1994"}) {
    EXPECT_EQ(parse_date(text, kNow), at(784111777)) << text;
  }
  EXPECT_EQ(parse_date("Wed Nov 16 08:49:37 1994", kNow), at(784111777 + 10 * 86'400));
}

TEST(Date, with_two_digits_of_year_lies_at_most_fifty_years_ahead) {
  EXPECT_EQ(parse_date("Friday, 31-Dec-99 23:59:59 GMT", kNow), at(946684799));
  EXPECT_EQ(parse_date("Sunday, 01-Jan-73 00:00:00 GMT", kNow), at(3250454400));
  EXPECT_EQ(parse_date("Tuesday, 01-Jan-74 00:00:00 GMT", kNow), at(126230400));
}

TEST(Date, survives_a_round_trip) {
  for (int64_t day = 0; day < 40'000; day += 13) {
    WallTime time = at(day * 86'400 + day % 86'400);
    EXPECT_EQ(parse_date(written(time), kNow), time);
  }
}

TEST(Date, that_is_none_is_refused) {
  for (std::string_view text : {"", "Sun", "0", "-1", "Sun, 06 Nov 1994 08:49:37",
                                "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 1994 08:49:37 GMTx",
                                "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 31 Feb 1994 08:49:37 GMT",
                                "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:37 GMT",
                                "Xxx, 06 Nov 1994 08:49:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT",
                                "Sunday, 06-Nov-1994 08:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT",
                                "Sun Nov 06 08:49:37 94", " Sun, 06 Nov 1994 08:49:37 GMT"}) {
    EXPECT_EQ(parse_date(text, kNow), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace sluice::http

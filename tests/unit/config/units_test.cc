#include "config/units.h"

#include <gtest/gtest.h>

namespace sluice::config {
namespace {

using namespace std::chrono_literals;

TEST(Units, durations) {
  struct Case {
    const char* text;
    Duration value;
  };
  for (const Case& c : {Case{"0s", 0s},
                        {"250ms", 250ms},
                        {"1m", 60s},
                        {"24h", 24h},
                        {"7d", 168h},
                        {"5us", 5us},
                        {"9ns", 9ns}}) {
    Result<Duration, TextError> duration = parse_duration(c.text);
    ASSERT_TRUE(duration) << c.text;
    EXPECT_EQ(*duration, c.value) << c.text;
  }
}

TEST(Units, sizes) {
  struct Case {
    const char* text;
    uint64_t value;
  };
  for (const Case& c : {Case{"0B", 0},
                        {"512B", 512},
                        {"64KiB", 65'536},
                        {"10MiB", 10'485'760},
                        {"2GiB", 2'147'483'648},
                        {"1TiB", 1ULL << 40}}) {
    Result<Bytes, TextError> bytes = parse_bytes(c.text);
    ASSERT_TRUE(bytes) << c.text;
    EXPECT_EQ(bytes->count, c.value) << c.text;
  }
}

TEST(Units, rates) {
  struct Case {
    const char* text;
    Rate value;
  };
  for (const Case& c : {Case{"100/1m", {100, 60s}},
                        {"1/1ms", {1, 1ms}},
                        {"1_000_000/30d", {1'000'000, 720h}},
                        {"5/2h", {5, 2h}}}) {
    Result<Rate, TextError> rate = parse_rate(c.text);
    ASSERT_TRUE(rate) << c.text;
    EXPECT_EQ(*rate, c.value) << c.text;
    EXPECT_EQ(*parse_rate(print_rate(*rate)), c.value) << c.text;
  }
}

TEST(Units, what_is_no_rate_is_refused_where_it_goes_wrong) {
  struct Case {
    const char* text;
    size_t offset;
  };
  for (const Case& c : {Case{"", 0},
                        {"100", 0},
                        {"/1m", 0},
                        {"100/", 4},
                        {"100/m", 4},
                        {"100/1", 4},
                        {"100/1min", 5},
                        {"100 /1m", 3},
                        {"1__0/1m", 1},
                        {"_1/1m", 0},
                        {"1_/1m", 1},
                        {"-1/1m", 0},
                        {"1.5/1m", 1},
                        {"0/1m", 0},
                        {"10/0s", 3},
                        {"99999999999999999999/1s", 0}}) {
    Result<Rate, TextError> rate = parse_rate(c.text);
    ASSERT_FALSE(rate) << c.text;
    EXPECT_EQ(rate.error().offset, c.offset) << c.text << ": " << rate.error().why;
  }
}

TEST(Units, what_is_no_number_with_a_unit_is_refused_where_it_goes_wrong) {
  struct Case {
    const char* text;
    size_t offset;
  };
  for (const Case& c : {Case{"", 0},
                        {"10", 0},
                        {"s", 0},
                        {"-1s", 0},
                        {"10 s", 2},
                        {"1.5s", 1},
                        {"10S", 2},
                        {"1m30s", 1},
                        {"10sec", 2},
                        {"99999999999999999999s", 0},
                        {"9999999999999d", 0},
                        {" 1s", 0}}) {
    Result<Duration, TextError> duration = parse_duration(c.text);
    ASSERT_FALSE(duration) << c.text;
    EXPECT_EQ(duration.error().offset, c.offset) << c.text;
    EXPECT_NE(duration.error().why, "");
  }
  for (const char* text : {"10", "8kB", "8KB", "8kib", "1.5MiB", "16777216TiB", "-1B"})
    EXPECT_FALSE(parse_bytes(text)) << text;
}

TEST(Units, printing_takes_the_largest_unit_that_divides) {
  EXPECT_EQ(print_duration(0s), "0s");
  EXPECT_EQ(print_duration(1500ms), "1500ms");
  EXPECT_EQ(print_duration(48h), "2d");
  EXPECT_EQ(print_duration(90s), "90s");
  EXPECT_EQ(print_bytes({0}), "0B");
  EXPECT_EQ(print_bytes(kibibytes(64)), "64KiB");
  EXPECT_EQ(print_bytes({1025}), "1025B");
  EXPECT_EQ(print_bytes(mebibytes(2048)), "2GiB");
}

}  // namespace
}  // namespace sluice::config

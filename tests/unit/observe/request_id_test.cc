#include "observe/request_id.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace sluice::observe {
namespace {

std::string id_at(int64_t millis, Random& random) {
  std::string out(kRequestIdBytes, '?');
  EXPECT_EQ(write_request_id(out.data(), WallTime(std::chrono::milliseconds(millis)), random),
            out.data() + out.size());
  return out;
}

TEST(RequestId, encodes_the_time_as_a_ulid_does) {
  Random random(1);
  // The example of the ULID specification: 1469922850259 ms is 01ARZ3NDEK.
  EXPECT_EQ(id_at(1'469'922'850'259, random).substr(0, 10), "01ARZ3NDEK");
  EXPECT_EQ(id_at(0, random).substr(0, 10), "0000000000");
}

TEST(RequestId, later_ids_sort_later_and_none_comes_twice) {
  Random random(2);
  std::string before;
  for (int64_t millis = 1'700'000'000'000; millis < 1'700'000'001'000; ++millis) {
    std::string id = id_at(millis, random);
    EXPECT_LT(before, id);
    EXPECT_TRUE(is_request_id(id));
    before = id;
  }
  std::set<std::string> same_millisecond;
  for (int i = 0; i < 10'000; ++i) same_millisecond.insert(id_at(1, random));
  EXPECT_EQ(same_millisecond.size(), 10'000U);
}

TEST(RequestId, takes_harmless_ids_only) {
  const struct {
    std::string id;
    bool good;
  } rows[] = {
      {"01ARZ3NDEKTSV4RRFFQ69G5FAV", true},
      {"f81d4fae-7dec-11d0-a765-00a0c91e6bf6", true},
      {"1-67891233-abcdef012345678912345678", true},
      {"a", true},
      {"Root=1-2:x/y+z~.@_", true},
      {std::string(128, 'x'), true},
      {std::string(129, 'x'), false},
      {"", false},
      {"a b", false},
      {"a\"b", false},
      {"a,b", false},
      {"a;b", false},
      {"<script>", false},
      {"a\nb", false},
      {std::string("a\0b", 3), false},
      {"\xc3\xa9", false},
  };
  for (const auto& row : rows) EXPECT_EQ(is_request_id(row.id), row.good) << row.id;
}

}  // namespace
}  // namespace sluice::observe

#include "upstream/health_state.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace sluice::upstream {
namespace {

/// '+' passed, '-' failed. gives: the state after each, 'u' or 'd'; upper case where it changed
std::string states(std::string_view checks, uint32_t rise, uint32_t fall) {
  HealthState state;
  std::string out;
  for (char check : checks) {
    bool changed = state.note(check == '+', rise, fall);
    out += state.is_up() ? (changed ? 'U' : 'u') : (changed ? 'D' : 'd');
  }
  return out;
}

TEST(HealthState, is_up_before_it_was_asked) { EXPECT_TRUE(HealthState().is_up()); }

TEST(HealthState, of_a_new_server_the_first_check_decides) {
  EXPECT_EQ(states("-", 2, 3), "D");
  EXPECT_EQ(states("+---", 2, 3), "uuuD");
}

TEST(HealthState, changes_after_so_many_in_a_row) {
  EXPECT_EQ(states("+--+---+-++", 2, 3), "uuuuuuDdddU");
  EXPECT_EQ(states("+-+-", 1, 1), "uDUD");
  EXPECT_EQ(states("---+++++", 4, 1), "DdddddUu");
}

TEST(HealthState, a_check_that_agrees_starts_the_count_anew) {
  EXPECT_EQ(states("+--+--+--+", 2, 3), "uuuuuuuuuu");
  EXPECT_EQ(states("-+-+-+-", 2, 3), "Ddddddd");
}

}  // namespace
}  // namespace sluice::upstream

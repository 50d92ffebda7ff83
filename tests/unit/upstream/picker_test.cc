#include "upstream/picker.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/hash.h"
#include "upstream/least_loaded.h"
#include "upstream/round_robin.h"

namespace sluice::upstream {
namespace {

std::vector<EndpointState> endpoints(std::initializer_list<uint32_t> weights) {
  std::vector<EndpointState> out;
  for (uint32_t weight : weights) out.push_back({.weight = weight});
  return out;
}

const TimePoint kNow{std::chrono::hours(1)};

std::string picks(Picker& picker, std::vector<EndpointState>& states, int count,
                  std::vector<uint32_t> tried = {}) {
  std::string out;
  for (int i = 0; i < count; ++i) {
    uint32_t index = picker.pick(states, tried, kNow);
    out += index == Picker::kNobody ? '-' : static_cast<char>('a' + index);
  }
  return out;
}

std::vector<int> shares(Picker& picker, std::vector<EndpointState>& states, int count) {
  std::vector<int> out(states.size());
  for (int i = 0; i < count; ++i) ++out[picker.pick(states, {}, kNow)];
  return out;
}

TEST(RoundRobin, takes_each_in_turn) {
  RoundRobin picker;
  auto states = endpoints({1, 1, 1});
  EXPECT_EQ(picks(picker, states, 7), "abcabca");
}

TEST(RoundRobin, weights_come_without_bursts) {
  RoundRobin picker;
  auto states = endpoints({5, 1, 1});
  EXPECT_EQ(picks(picker, states, 14), "aabacaaaabacaa");
}

TEST(RoundRobin, shares_are_exact_over_a_round) {
  RoundRobin picker;
  auto states = endpoints({7, 2, 1, 100});
  EXPECT_EQ(shares(picker, states, 1'100), (std::vector<int>{70, 20, 10, 1'000}));
}

TEST(RoundRobin, shares_are_exact_from_any_start) {
  Random random(4);
  for (int round = 0; round < 50; ++round) {
    RoundRobin picker;
    auto states = endpoints({3, 2, 5});
    for (EndpointState& state : states) {
      state.owed = static_cast<int64_t>(random.below(state.weight + 1));
    }
    shares(picker, states, 10);
    EXPECT_EQ(shares(picker, states, 100), (std::vector<int>{30, 20, 50}));
  }
}

TEST(RoundRobin, returning_endpoints_are_not_flooded) {
  RoundRobin picker;
  auto states = endpoints({1, 1});
  states[0].down_until = kNow + std::chrono::seconds(1);
  EXPECT_EQ(picks(picker, states, 5), "bbbbb");
  states[0].down_until = kNow;
  std::string after = picks(picker, states, 6);
  EXPECT_TRUE(after == "ababab" || after == "bababa") << after;
}

TEST(LeastLoaded, takes_the_fewest_in_flight_for_the_weight) {
  struct {
    std::vector<EndpointState> states;
    char expected;
  } cases[] = {
      {{{.weight = 1, .in_flight = 3}, {.weight = 1, .in_flight = 2}}, 'b'},
      {{{.weight = 2, .in_flight = 3}, {.weight = 1, .in_flight = 2}}, 'a'},
      {{{.weight = 2, .in_flight = 5}, {.weight = 1, .in_flight = 2}}, 'b'},
      {{{.weight = 9, .in_flight = 1}, {.weight = 1, .in_flight = 0}}, 'b'},
      {{{.weight = 4'000'000'000, .in_flight = 4'000'000'000}, {.weight = 1, .in_flight = 2}}, 'a'},
  };
  for (auto& [states, expected] : cases) {
    LeastLoaded picker;
    EXPECT_EQ(picks(picker, states, 1), std::string(1, expected));
  }
}

TEST(LeastLoaded, shares_an_idle_upstream_by_weight) {
  LeastLoaded picker;
  auto states = endpoints({3, 1});
  EXPECT_EQ(shares(picker, states, 400), (std::vector<int>{300, 100}));
}

TEST(LeastLoaded, keeps_loads_level_while_requests_come_and_go) {
  LeastLoaded picker;
  Random random(2);
  auto states = endpoints({1, 1, 2, 4});
  std::vector<uint32_t> running;
  for (int i = 0; i < 5'000; ++i) {
    uint32_t index = picker.pick(states, {}, kNow);
    ++states[index].in_flight;
    running.push_back(index);
    if (running.size() < 80) continue;
    size_t at = random.below(running.size());
    --states[running[at]].in_flight;
    running[at] = running.back();
    running.pop_back();
  }
  for (const EndpointState& state : states) {
    EXPECT_NEAR(static_cast<double>(state.in_flight) / state.weight, 10.0, 2.0);
  }
}

TEST(LeastLoaded, a_stuck_endpoint_gets_nothing_more) {
  LeastLoaded picker;
  auto states = endpoints({1, 1, 1});
  states[1].in_flight = 50;
  for (int i = 0; i < 20; ++i) {
    uint32_t index = picker.pick(states, {}, kNow);
    ASSERT_NE(index, 1u);
    ++states[index].in_flight;
  }
}

template <class P>
class AnyPicker : public testing::Test {};
using Pickers = testing::Types<RoundRobin, LeastLoaded>;
TYPED_TEST_SUITE(AnyPicker, Pickers);

TYPED_TEST(AnyPicker, has_nobody_without_endpoints) {
  TypeParam picker;
  std::vector<EndpointState> none;
  EXPECT_EQ(picks(picker, none, 1), "-");
}

TYPED_TEST(AnyPicker, skips_those_set_aside_until_their_time) {
  TypeParam picker;
  auto states = endpoints({1, 1, 1});
  states[0].down_until = kNow + std::chrono::nanoseconds(1);
  states[2].down_until = kNow;
  EXPECT_EQ(picks(picker, states, 4), "bcbc");
}

TYPED_TEST(AnyPicker, skips_those_tried_already) {
  TypeParam picker;
  auto states = endpoints({1, 1, 1, 1});
  EXPECT_EQ(picks(picker, states, 4, {0, 2}), "bdbd");
  EXPECT_EQ(picks(picker, states, 1, {0, 1, 2, 3}), "-");
}

TYPED_TEST(AnyPicker, takes_those_set_aside_when_asked_to) {
  TypeParam picker;
  auto states = endpoints({1});
  states[0].down_until = kNow + std::chrono::hours(1);
  EXPECT_EQ(picks(picker, states, 1), "-");
  EXPECT_EQ(picker.pick(states, {}, kNever), 0u);
}

TYPED_TEST(AnyPicker, nobody_is_left_out_among_many) {
  TypeParam picker;
  std::vector<EndpointState> states(500);
  EXPECT_EQ(shares(picker, states, 1'000), std::vector<int>(500, 2));
}

}  // namespace
}  // namespace sluice::upstream

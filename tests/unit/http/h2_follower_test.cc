#include "http/h2_follower.h"

#include <gtest/gtest.h>

#include <string>

#include "h2_peers.h"

namespace sluice::http {
namespace {

constexpr uint32_t kMost = 3;

std::string continuations(int count, size_t bytes) {
  std::string out;
  for (int i = 0; i < count; ++i) out += frame(kContinuation, 0, 1, std::string(bytes, '\x09'));   // looks like heads
  return out;
}

/// gives: whether it may go on, in pieces of `step`
bool goes_on(std::string_view bytes, size_t step, size_t preface = 0) {
  H2Follower follower(preface);
  for (; !bytes.empty(); bytes.remove_prefix(std::min(step, bytes.size()))) {
    if (!follower.follow(bytes.substr(0, step), kMost)) return false;
  }
  return true;
}

TEST(H2Follower, counts_continuations_in_a_row) {
  std::string head = frame(kHeaders, 0, 1, "head");
  for (size_t bytes : {0, 1, 9, 300, 70'000}) {
    std::string most = head + continuations(kMost, bytes);
    std::string end = frame(kContinuation, kEndHeaders, 1, "");
    for (size_t step : {1, 2, 8, 9, 10, 4096, 1'000'000}) {
      SCOPED_TRACE(std::to_string(bytes) + " bytes in steps of " + std::to_string(step));
      EXPECT_TRUE(goes_on(most + most + head + most, step));
      EXPECT_FALSE(goes_on(most + end, step));
      EXPECT_TRUE(goes_on(std::string(24, '\x09') + most, step, 24));
      EXPECT_FALSE(goes_on(std::string(24, '\x09') + most + end, step, 24));
    }
  }
}

TEST(H2Follower, says_so_at_the_head_of_the_frame) {
  std::string most = continuations(kMost, 5), one_more = continuations(1, 5).substr(0, 9);
  EXPECT_TRUE(goes_on(most + one_more.substr(0, 8), 100));
  EXPECT_FALSE(goes_on(most + one_more, 100));
}

}  // namespace
}  // namespace sluice::http

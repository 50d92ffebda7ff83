#include "server/address_counts.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace sluice::server {
namespace {

using Place = SharedAddressCounts::Place;

IpAddress ip(const char* text) { return *IpAddress::parse(text); }

TEST(SharedAddressCounts, serves_up_to_the_limit_then_tells_then_nothing) {
  SharedAddressCounts counts(1);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(counts.take(0, ip("192.0.2.1"), 3), Place::served);
  for (uint32_t i = 0; i < SharedAddressCounts::kToldMax; ++i) {
    EXPECT_EQ(counts.take(0, ip("192.0.2.1"), 3), Place::told);
  }
  EXPECT_EQ(counts.take(0, ip("192.0.2.1"), 3), Place::none);
  EXPECT_EQ(counts.take(0, ip("192.0.2.2"), 3), Place::served);
  EXPECT_EQ(counts.take(1, ip("192.0.2.1"), 3), Place::served);   // another listener
  counts.give(0, ip("192.0.2.1"), Place::told);
  EXPECT_EQ(counts.take(0, ip("192.0.2.1"), 3), Place::told);
  counts.give(0, ip("192.0.2.1"), Place::served);
  EXPECT_EQ(counts.take(0, ip("192.0.2.1"), 3), Place::served);
}

TEST(SharedAddressCounts, forgets_an_address_with_its_last_connection) {
  SharedAddressCounts counts(2);
  for (int i = 0; i < 1'000; ++i) counts.take(0, ip(("10.0.3." + std::to_string(i % 250)).c_str()), 9);
  EXPECT_EQ(counts.addresses(), 250u);
  for (int i = 0; i < 1'000; ++i) counts.give(0, ip(("10.0.3." + std::to_string(i % 250)).c_str()), Place::served);
  EXPECT_EQ(counts.addresses(), 0u);
}

TEST(SharedAddressCounts, takes_an_ipv6_network_of_64_bits_for_one) {
  SharedAddressCounts counts(3);
  EXPECT_EQ(counts.take(0, ip("2001:db8:1:2::1"), 1), Place::served);
  EXPECT_EQ(counts.take(0, ip("2001:db8:1:2:ffff::9"), 1), Place::told);
  EXPECT_EQ(counts.take(0, ip("2001:db8:1:3::1"), 1), Place::served);
  EXPECT_EQ(counts.take(0, ip("32.1.13.184"), 1), Place::served);       // the same first bytes, another family
  EXPECT_EQ(counts.take(0, ip("::ffff:32.1.13.184"), 1), Place::told);  // one host, one form
}

TEST(SharedAddressCounts, holds_for_all_threads_together) {
  SharedAddressCounts counts(4);
  std::atomic<int> open{0}, most{0};
  auto work = [&] {
    for (int i = 0; i < 20'000; ++i) {
      Place place = counts.take(0, ip("198.51.100.7"), 5);
      if (place == Place::served) {
        int now = ++open;
        int seen = most.load();
        while (now > seen && !most.compare_exchange_weak(seen, now)) {}
        --open;
      }
      if (place != Place::none) counts.give(0, ip("198.51.100.7"), place);
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(most.load(), 5);
  EXPECT_EQ(counts.addresses(), 0u);
}

}  // namespace
}  // namespace sluice::server

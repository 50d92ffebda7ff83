#include "policy/ticket/shared_tickets.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace sluice::policy {
namespace {

using std::chrono::seconds;
constexpr WallTime kNow{seconds(1'000'000)};
constexpr WallTime kLater = kNow + seconds(30);

TicketId id_of(unsigned number) {
  TicketId id{};
  id[0] = static_cast<unsigned char>(number);
  id[8] = static_cast<unsigned char>(number >> 8);
  id[9] = static_cast<unsigned char>(number >> 16);
  return id;
}

TEST(SharedTickets, each_is_taken_once) {
  SharedTickets tickets(1 << 20);
  EXPECT_EQ(tickets.take(id_of(1), kNow), std::nullopt);
  EXPECT_TRUE(tickets.put(id_of(1), "alice", kLater, kNow));
  EXPECT_TRUE(tickets.put(id_of(2), "bob", kLater, kNow));
  EXPECT_EQ(tickets.take(id_of(1), kNow), "alice");
  EXPECT_EQ(tickets.take(id_of(1), kNow), std::nullopt);
  EXPECT_EQ(tickets.take(id_of(2), kNow), "bob");
}

TEST(SharedTickets, none_is_good_beyond_its_end) {
  SharedTickets tickets(1 << 20);
  EXPECT_TRUE(tickets.put(id_of(1), "a", kLater, kNow));
  EXPECT_TRUE(tickets.put(id_of(2), "b", kLater, kNow));
  EXPECT_EQ(tickets.take(id_of(1), kLater - seconds(1)), "a");
  EXPECT_EQ(tickets.take(id_of(2), kLater), std::nullopt);
}

TEST(SharedTickets, a_full_table_issues_no_more_until_some_are_past) {
  SharedTickets tickets(64 * 1024);
  unsigned count = 0;
  while (tickets.put(id_of(16 * count), std::string(100, 'x'), kLater, kNow)) ++count;   // all in one shard
  EXPECT_GT(count, 5u);
  EXPECT_LT(count, 50u);
  EXPECT_EQ(tickets.take(id_of(0), kNow), std::string(100, 'x'));
  EXPECT_FALSE(tickets.put(id_of(16 * count), "y", kNow + seconds(60), kLater - seconds(1)) &&
               tickets.put(id_of(16 * count + 16), std::string(200, 'x'), kNow + seconds(60), kLater - seconds(1)));
  EXPECT_TRUE(tickets.put(id_of(16 * count + 32), "z", kNow + seconds(60), kLater));
  EXPECT_EQ(tickets.take(id_of(16), kLater), std::nullopt);
}

TEST(SharedTickets, of_many_who_show_one_at_once_one_gets_it) {
  SharedTickets tickets(1 << 20);
  std::atomic<int> taken = 0;
  for (unsigned number = 0; number < 200; ++number) ASSERT_TRUE(tickets.put(id_of(number), "x", kLater, kNow));
  std::vector<std::thread> workers;
  for (int worker = 0; worker < 4; ++worker) {
    workers.emplace_back([&] {
      for (unsigned number = 0; number < 200; ++number) taken += tickets.take(id_of(number), kNow).has_value();
    });
  }
  for (std::thread& worker : workers) worker.join();
  EXPECT_EQ(taken, 200);
}

}  // namespace
}  // namespace sluice::policy

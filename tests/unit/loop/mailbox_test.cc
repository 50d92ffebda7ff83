#include "loop/mailbox.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace sluice {
namespace {

struct CountedLetter final : Letter {
  explicit CountedLetter(std::atomic<int>& c) : destroyed(c) {}
  ~CountedLetter() override { ++destroyed; }
  void deliver() override { ADD_FAILURE() << "delivered after close"; }
  std::atomic<int>& destroyed;
};

TEST(Mailbox, delivers_in_order_on_the_loops_thread) {
  Loop loop;
  Mailbox mailbox(loop);
  std::vector<int> got;
  std::thread::id home = std::this_thread::get_id();
  std::thread sender([&] {
    for (int i = 0; i < 1000; ++i) {
      mailbox.post_work([&, i] {
        EXPECT_EQ(std::this_thread::get_id(), home);
        got.push_back(i);
        if (i == 999) mailbox.close();
      });
    }
  });
  loop.run();
  sender.join();
  ASSERT_EQ(got.size(), 1000u);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(got[static_cast<size_t>(i)], i);
}

TEST(Mailbox, loses_nothing_of_several_threads) {
  constexpr int kThreads = 4, kEach = 5000;
  Loop loop;
  Mailbox mailbox(loop);
  int delivered = 0;  // plain: only the loop's thread touches it
  std::vector<std::thread> senders;
  for (int t = 0; t < kThreads; ++t) {
    senders.emplace_back([&] {
      for (int i = 0; i < kEach; ++i) {
        mailbox.post_work([&] {
          if (++delivered == kThreads * kEach) mailbox.close();
        });
      }
    });
  }
  loop.run();
  for (std::thread& sender : senders) sender.join();
  EXPECT_EQ(delivered, kThreads * kEach);
}

TEST(Mailbox, two_loops_may_write_to_each_other) {
  Loop here;
  Mailbox home(here);
  std::atomic<Mailbox*> other{nullptr};
  std::thread worker([&] {
    Loop there;
    Mailbox away(there);
    other = &away;
    home.post_work([&] {
      other.load()->post_work([&] {
        away.close();
        home.post_work([&] { home.close(); });
      });
    });
    there.run();
  });
  here.run();
  worker.join();
}

TEST(Mailbox, letters_after_close_are_destroyed_undelivered) {
  Loop loop;
  std::atomic<int> destroyed = 0;
  Mailbox mailbox(loop);
  mailbox.post(std::make_unique<CountedLetter>(destroyed));
  mailbox.close();
  mailbox.post(std::make_unique<CountedLetter>(destroyed));
  EXPECT_EQ(destroyed, 2);
  loop.run();
}

TEST(Mailbox, may_close_while_other_threads_post) {
  for (int round = 0; round < 50; ++round) {
    Loop loop;
    Mailbox mailbox(loop);
    std::thread sender([&] {
      for (int i = 0; i < 200; ++i) mailbox.post_work([] {});
    });
    mailbox.post_work([&] { mailbox.close(); });
    loop.run();
    sender.join();
  }
}

}  // namespace
}  // namespace sluice

#include "control/supervisor.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <thread>

#include "unit/control/control_world.h"

namespace sluice::control {
namespace {

TEST(UsableCores, is_at_least_one_and_at_most_what_the_machine_has) {
  EXPECT_GE(usable_cores(), 1U);
  EXPECT_LE(usable_cores(), std::thread::hardware_concurrency());
}

TEST(UsableCores, respects_the_affinity_of_the_process) {
  cpu_set_t before;
  ASSERT_EQ(sched_getaffinity(0, sizeof(before), &before), 0);
  cpu_set_t one;
  CPU_ZERO(&one);
  for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++i) {
    if (CPU_ISSET(i, &before)) CPU_SET(i, &one);
  }
  ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
  EXPECT_EQ(usable_cores(), 1U);
  ASSERT_EQ(sched_setaffinity(0, sizeof(before), &before), 0);
}

// Supervisor: what the kernel listens on, by /proc/net/tcp.

TEST(Supervisor, what_is_prepared_listens_only_when_it_is_published) {
  ControlWorld world;
  uint16_t port = free_port();
  auto snapshot = world.built(text_with(2, listen_on(port)));
  ASSERT_TRUE(world.supervisor().prepare(*snapshot));
  EXPECT_FALSE(Socket().bind(port));      // it is ours
  EXPECT_FALSE(Socket().connect(port));   // and nobody can come in yet
  world.supervisor().abandon();
  EXPECT_TRUE(Socket().bind(port));
  ASSERT_TRUE(world.start(text_with(2, listen_on(port))));
  EXPECT_EQ(listening_on(port), 2);       // one for each worker
  EXPECT_TRUE(Socket().connect(port));
  EXPECT_EQ(world.supervisor().serving(), 2U);
}

TEST(Supervisor, an_address_that_is_taken_binds_none) {
  ControlWorld world;
  uint16_t free = free_port();
  Socket other;
  ASSERT_TRUE(other.listen(0));
  auto prepared = world.supervisor().prepare(
      *world.built(text_with(2, listen_on(free) + listen_on(other.port(), "b"))));
  ASSERT_FALSE(prepared);
  ASSERT_EQ(prepared.error().size(), 1U);
  EXPECT_EQ(prepared.error()[0], "listen.b: cannot listen on 127.0.0.1:" + std::to_string(other.port()) +
                                     ": another process is listening there");
  EXPECT_TRUE(Socket().bind(free));
}

/// Puts another text in force, as a reload does. gives: whether every worker took it
bool take(ControlWorld& world, const std::string& text) {
  world.write(text);
  size_t before = world.events.size();
  world.request(nullptr);
  return world.until([&] { return world.events.size() > before && !world.reload().running(); }) &&
         world.events.back() == "applied";
}

TEST(Supervisor, workers_come_and_none_of_their_sockets_goes) {
  ControlWorld world;
  uint16_t port = free_port();
  ASSERT_TRUE(world.start(text_with(1, listen_on(port))));
  EXPECT_EQ(listening_on(port), 1);
  ASSERT_TRUE(take(world, text_with(3, listen_on(port))));
  EXPECT_EQ(world.supervisor().workers().size(), 3U);
  EXPECT_EQ(listening_on(port), 3);
  ASSERT_TRUE(take(world, text_with(2, listen_on(port))));
  EXPECT_EQ(world.supervisor().serving(), 2U);
  EXPECT_EQ(world.supervisor().workers().size(), 3U);   // its connections end in their own time
  EXPECT_EQ(listening_on(port), 3);   // closing one would reset who waits in its queue
  ASSERT_TRUE(take(world, text_with(3, listen_on(port))));
  EXPECT_EQ(world.supervisor().serving(), 3U);
  EXPECT_EQ(listening_on(port), 3);
}

TEST(Supervisor, all_sockets_are_accepted_from_when_workers_become_fewer) {
  ControlWorld world;
  uint16_t port = free_port();
  std::string route = "[route.r]\nmatch = { path = \"/\" }\nrespond = { status = 204 }\n";
  ASSERT_TRUE(world.start(text_with(4, listen_on(port) + route)));
  ASSERT_TRUE(take(world, text_with(1, listen_on(port) + route)));
  for (int i = 0; i < 64; ++i) {   // by the kernel's choice on any of the four: 1 in 10^8 misses one
    Socket client;
    ASSERT_TRUE(client.connect(port));
    EXPECT_EQ(client.ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").substr(0, 12),
              "HTTP/1.1 204");
  }
}

TEST(Supervisor, an_address_that_left_is_closed_when_every_worker_knows) {
  ControlWorld world;
  uint16_t kept = free_port(), left = free_port();
  ASSERT_TRUE(world.start(text_with(2, listen_on(kept) + listen_on(left, "b"))));
  EXPECT_EQ(listening_on(left), 2);
  ASSERT_TRUE(take(world, text_with(2, listen_on(kept))));
  EXPECT_EQ(listening_on(left), 0);
  EXPECT_EQ(listening_on(kept), 2);
  EXPECT_TRUE(Socket().bind(left));
}

TEST(Supervisor, without_its_sockets_the_workers_duplicates_remain_until_they_drain) {
  ControlWorld world;
  uint16_t port = free_port();
  ASSERT_TRUE(world.start(text_with(2, listen_on(port))));
  world.supervisor().close_sockets();
  EXPECT_TRUE(Socket().connect(port));
  world.supervisor().stop();
  EXPECT_EQ(listening_on(port), 0);
}

}  // namespace
}  // namespace sluice::control

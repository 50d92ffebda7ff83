// The client against a real redis-server.
#include "redis/client.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <map>

#include "unit/redis/client_fixture.h"

namespace sluice::redis {
namespace {

TEST(Client, asks_over_a_unix_socket) {
  RedisServer server;
  ClientFixture fixture({.places = {{"", 0, server.path()}}});
  EXPECT_EQ(fixture.ask({"SET", "a", "1"}), "answered OK");
  EXPECT_EQ(fixture.ask({"INCR", "a"}), "answered 2");
  EXPECT_EQ(fixture.ask({"GET", "nothing"}), "answered (nil)");
  EXPECT_EQ(fixture.ask({"LPUSH", "a", "x"}), "refused command");
  EXPECT_TRUE(fixture.client->up());
  EXPECT_EQ(fixture.counters.commands.value(), 4U);
  EXPECT_EQ(fixture.counters.failure(StoreFailure::refused).value(), 1U);
  EXPECT_EQ(fixture.counters.connects.value(), 1U);
  EXPECT_EQ(fixture.client->queued(), 0U);
}

TEST(Client, what_redis_refuses_is_said_once_in_its_own_words) {
  RedisServer server;
  LogCatcher log;
  ClientFixture fixture(at_port(server.port()));
  EXPECT_EQ(fixture.ask({"SET", "a", "1"}), "answered OK");
  EXPECT_EQ(log.count("redis refuses a command"), 0);
  std::string unknown(200, 'x');
  for (int i = 0; i < 3; ++i) EXPECT_EQ(fixture.ask({unknown, "a\n"}), "refused command");
  EXPECT_EQ(log.count("redis refuses a command redis=main reason=\"ERR unknown command"), 1) << log.text();
  EXPECT_LT(log.text().size(), 300U);
}

TEST(Client, asks_over_tcp_and_by_name_and_in_a_database) {
  RedisServer server;
  Options options = at_port(server.port());
  options.places[0].host = "localhost";
  options.database = 7;
  ClientFixture fixture(options);
  EXPECT_EQ(fixture.ask({"SET", "a", "1"}), "answered OK");
  EXPECT_EQ(server.ask({"GET", "a"}), "(nil)");
  EXPECT_EQ(server.ask({"INFO", "keyspace"}).substr(0, 15), "# Keyspace\r\ndb7");
}

TEST(Client, a_turns_commands_leave_together_and_are_answered_in_order) {
  RedisServer server;
  ClientFixture fixture(at_port(server.port()));
  Listener listener;
  constexpr uint64_t kCommands = 2'000;
  {
    LoopTurn turn(*fixture.loop.operator->());
    for (uint64_t i = 0; i < kCommands; ++i) {
      std::string value = std::to_string(i);
      std::string_view words[] = {"ECHO", value};
      ASSERT_TRUE(fixture.client->send({.arguments = words, .tag = i}, listener));
    }
  }
  ASSERT_TRUE(fixture.loop.until([&] { return listener.got.size() == kCommands; }));
  for (uint64_t i = 0; i < kCommands; ++i) {
    ASSERT_EQ(listener.got[i].tag, i);
    ASSERT_EQ(listener.got[i].text, "answered " + std::to_string(i));
  }
}

TEST(Client, large_values_and_binary_ones_come_back_as_they_were) {
  RedisServer server;
  ClientFixture fixture(at_port(server.port()));
  std::string value = net::pattern(200'000);
  EXPECT_EQ(fixture.ask({"SET", "big", value}), "answered OK");
  EXPECT_EQ(fixture.ask({"GET", "big"}), "answered " + value);
  std::string_view words[] = {"SET", "big", value, value};
  Listener listener;
  auto refused = fixture.client->send({.arguments = words}, listener);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), Unsent::too_large);
}

TEST(Client, a_reply_over_the_limit_ends_the_connection_and_no_more) {
  RedisServer server;
  ClientFixture fixture(at_port(server.port()));
  server.ask({"SETRANGE", "huge", "2000000", "x"});
  ASSERT_TRUE(fixture.up());
  EXPECT_EQ(fixture.ask({"GET", "huge"}, seconds(2)), "lost");
  ASSERT_TRUE(fixture.up());
  EXPECT_EQ(fixture.ask({"PING"}), "answered PONG");
}

TEST(Client, logs_in_with_a_password) {
  RedisServer server({.arguments = {"--requirepass", "sesame"}});
  Options options = at_port(server.port());
  options.logins = login("", "sesame");
  ClientFixture fixture(options);
  EXPECT_EQ(fixture.ask({"PING"}), "answered PONG");
}

TEST(Client, logs_in_as_an_acl_user_who_may_not_even_ping) {
  RedisServer server;
  server.ask({"ACL", "SETUSER", "gate", "on", ">sesame", "~sluice:*", "+get", "+set", "+select"});
  Options options = at_port(server.port());
  options.logins = login("gate", "sesame");
  ClientFixture fixture(options);
  EXPECT_EQ(fixture.ask({"SET", "sluice:a", "1"}), "answered OK");
  EXPECT_EQ(fixture.ask({"SET", "other", "1"}), "refused denied");
  EXPECT_EQ(fixture.ask({"INCR", "sluice:a"}), "refused denied");
  EXPECT_TRUE(fixture.client->up());
}

TEST(Client, a_wrong_password_is_away_and_says_so_once) {
  RedisServer server({.arguments = {"--requirepass", "sesame"}});
  for (const char* password : {"", "wrong"}) {
    LogCatcher log;
    Options options = at_port(server.port());
    options.logins = login("", password);
    ClientFixture fixture(options);
    std::string first = fixture.ask({"PING"});
    EXPECT_EQ(first, "away");
    ASSERT_TRUE(fixture.loop.until([&] { return fixture.counters.connects.value() >= 3; }));
    EXPECT_FALSE(fixture.client->up());
    EXPECT_EQ(log.count("redis away"), 1) << log.text();
    EXPECT_EQ(log.count(*password ? "WRONGPASS" : "NOAUTH"), 1) << log.text();
    EXPECT_EQ(log.count("sesame") + log.count("=wrong"), 0) << log.text();
  }
}

TEST(Client, refused_is_away_at_once_and_back_when_redis_is) {
  LogCatcher log;
  RedisServer server;
  ClientFixture fixture(at_port(server.port()));
  ASSERT_TRUE(fixture.up());
  server.kill();
  ASSERT_TRUE(fixture.loop.until([&] { return !fixture.client->up(); }));
  EXPECT_EQ(fixture.ask({"PING"}), "unsent away");
  fixture.loop.settle(100);   // more than one probe
  server.start();
  ASSERT_TRUE(fixture.up());
  EXPECT_EQ(fixture.ask({"PING"}), "answered PONG");
  EXPECT_EQ(log.count("redis away"), 1) << log.text();
  EXPECT_EQ(log.count("redis back"), 1) << log.text();
}

TEST(Client, a_connection_that_ends_loses_what_was_sent_and_is_made_anew) {
  RedisServer server;
  ClientFixture fixture(at_port(server.port()));
  ASSERT_TRUE(fixture.up());
  fixture.wait(kGoodLife + milliseconds(50));
  Listener listener;
  std::string_view words[] = {"BLPOP", "nothing", "0"};
  ASSERT_TRUE(fixture.client->send({.arguments = words, .deadline = fixture.in(seconds(5))}, listener));
  ASSERT_TRUE(fixture.loop.until([&] { return server.ask({"INFO", "clients"}).find("blocked_clients:1") != std::string::npos; }));
  server.ask({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
  ASSERT_TRUE(fixture.loop.until([&] { return !listener.got.empty(); }));
  EXPECT_EQ(listener.got[0].text, "lost");
  EXPECT_EQ(fixture.ask({"PING"}, seconds(2)), "answered PONG");
  EXPECT_EQ(fixture.counters.failure(StoreFailure::away).value(), 0U);
}

TEST(Client, frozen_every_command_is_answered_by_its_deadline_and_the_circuit_opens) {
  LogCatcher log;
  RedisServer server;
  ClientFixture fixture(at_port(server.port()));
  ASSERT_TRUE(fixture.up());
  server.freeze();
  Listener listener;
  auto begun = std::chrono::steady_clock::now();
  std::string_view words[] = {"INCR", "frozen"};
  for (uint64_t i = 0; i < 2 * kMissesMax; ++i) {
    ASSERT_TRUE(fixture.client->send({.arguments = words, .tag = i}, listener));
  }
  ASSERT_TRUE(fixture.loop.until([&] { return listener.got.size() == 2 * kMissesMax; }));
  auto took = std::chrono::steady_clock::now() - begun;
  EXPECT_GE(took, kCommandTimeout - milliseconds(10));
  if (!net::kSanitized) {
    EXPECT_LE(took, milliseconds(200));   // 80 ms, and what a busy machine adds
  }
  for (const auto& got : listener.got) EXPECT_TRUE(got.text == "timeout" || got.text == "lost") << got.text;
  EXPECT_EQ(fixture.ask({"PING"}), "unsent away");
  EXPECT_FALSE(fixture.client->up());
  EXPECT_EQ(fixture.client->queued(), 0U);
  server.thaw();
  ASSERT_TRUE(fixture.up());
  EXPECT_EQ(fixture.ask({"PING"}), "answered PONG");
  EXPECT_EQ(log.count("redis away"), 1) << log.text();
}

TEST(Client, a_black_hole_holds_nobody_beyond_the_deadline) {
  BlackHole hole;
  Options options = at_port(hole.port());
  options.connect_timeout = milliseconds(200);
  ClientFixture fixture(options);
  auto begun = std::chrono::steady_clock::now();
  EXPECT_EQ(fixture.ask({"PING"}), "timeout");
  if (!net::kSanitized) {
    EXPECT_LE(std::chrono::steady_clock::now() - begun, milliseconds(250));
  }
  ASSERT_TRUE(fixture.loop.until([&] { return fixture.ask({"PING"}) == "unsent away"; }));
}

TEST(Client, an_idle_connection_that_nobody_answers_on_is_found_out) {
  RedisServer server;
  ClientFixture fixture(at_port(server.port()));
  ASSERT_TRUE(fixture.up());
  server.freeze();
  ASSERT_TRUE(fixture.loop.until([&] { return !fixture.client->up(); }));
  server.thaw();
  ASSERT_TRUE(fixture.up());
}

TEST(Client, answers_after_the_deadline_are_not_answers) {
  RedisServer server;
  Options options = at_port(server.port());
  options.command_timeout = milliseconds(20);
  ClientFixture fixture(options);
  ASSERT_TRUE(fixture.up());
  Listener listener;
  // It sleeps for longer than a command may take, again and again: the circuit opens though replies come.
  std::string_view slow[] = {"BLPOP", "nothing", "0.1"};
  std::string_view echo[] = {"ECHO", "mine"};
  int away = 0;
  for (int i = 0; i < 40 && away == 0; ++i) {
    if (!fixture.client->send({.arguments = slow}, listener)) ++away;
    fixture.wait(milliseconds(30));
  }
  EXPECT_EQ(away, 1);
  ASSERT_TRUE(fixture.up());
  listener.got.clear();
  ASSERT_TRUE(fixture.client->send({.arguments = echo, .deadline = fixture.in(seconds(5)), .tag = 7}, listener));
  ASSERT_TRUE(fixture.loop.until([&] { return !listener.got.empty(); }));
  EXPECT_EQ(listener.got[0].text, "answered mine");
}

TEST(Client, replies_go_to_their_own_command_after_one_was_given_up) {
  RedisServer server;
  ClientFixture fixture(at_port(server.port()));
  ASSERT_TRUE(fixture.up());
  Listener gone, stays;
  std::string_view slow[] = {"BLPOP", "nothing", "0.2"};
  std::string_view echo[] = {"ECHO", "mine"};
  TimePoint late = fixture.in(seconds(5));
  auto first = fixture.client->send({.arguments = slow, .deadline = late}, gone);
  auto second = fixture.client->send({.arguments = echo, .deadline = late, .tag = 2}, stays);
  ASSERT_TRUE(first);
  ASSERT_TRUE(second);
  fixture.loop.settle(3);
  fixture.client->cancel(*first);
  fixture.client->cancel(*first);   // harmless
  ASSERT_TRUE(fixture.loop.until([&] { return !stays.got.empty(); }));
  fixture.client->cancel(*second);   // too late, harmless
  EXPECT_TRUE(gone.got.empty());
  EXPECT_EQ(stays.got[0].text, "answered mine");
}

TEST(Client, a_cancelled_command_that_was_not_sent_never_is) {
  BlackHole hole;
  ClientFixture fixture(at_port(hole.port()));
  Listener listener;
  std::string_view words[] = {"PING"};
  auto ticket = fixture.client->send({.arguments = words}, listener);
  ASSERT_TRUE(ticket);
  EXPECT_EQ(fixture.client->queued(), 1U);
  fixture.client->cancel(*ticket);
  EXPECT_EQ(fixture.client->queued(), 0U);
  fixture.wait(kCommandTimeout * 2);
  EXPECT_TRUE(listener.got.empty());
}

/// Sends a new command whenever one is answered, whatever the answer.
struct Persistent : Asker {
  void on_answer(uint64_t tag, const Answer& answer) override {
    ++outcomes[answer.outcome];
    if (!stopped) again(tag);
  }
  void again(uint64_t tag) {
    std::string_view words[] = {"INCR", "n"};
    if (!client->send({.arguments = words, .tag = tag}, *this)) ++refused;
  }
  Client* client = nullptr;
  bool stopped = false;
  uint64_t refused = 0;
  std::map<Outcome, uint64_t> outcomes;
};

TEST(Client, askers_may_ask_again_while_they_are_told_of_a_failure) {
  RedisServer server;
  ClientFixture fixture(at_port(server.port()));
  ASSERT_TRUE(fixture.up());
  Persistent asker;
  asker.client = fixture.client.get();
  for (uint64_t i = 0; i < 50; ++i) asker.again(i);
  fixture.wait(milliseconds(50));
  server.kill();
  ASSERT_TRUE(fixture.loop.until([&] { return asker.refused == 50; }));
  EXPECT_GT(asker.outcomes[Outcome::answered], 100U);
  EXPECT_GE(asker.outcomes[Outcome::lost] + asker.outcomes[Outcome::away], 1U);
  EXPECT_EQ(fixture.client->queued(), 0U);
}

TEST(Client, the_queue_is_bounded_and_memory_flat_while_redis_is_frozen) {
  RedisServer server;
  Options options = at_port(server.port());
  options.queue_max = 500;
  ClientFixture fixture(options);
  ASSERT_TRUE(fixture.up());
  server.freeze();
  Listener listener;
  std::string value(1'000, 'v');
  std::string_view words[] = {"SET", "k", value};
  uint64_t full = 0, taken = 0;
  size_t held = 0;
  TimePoint late = fixture.in(seconds(60));   // nothing times out: the queue alone is the bound
  for (int i = 0; i < 20'000; ++i) {
    auto sent = fixture.client->send({.arguments = words, .deadline = late}, listener);
    sent ? ++taken : ++full;
    EXPECT_TRUE(sent || sent.error() == Unsent::full);
    if (i % 1'000 == 0) fixture.loop.settle(1);
    if (i == 2'000) held = fixture.loop->blocks().bytes_held();
  }
  EXPECT_EQ(taken, 500U);
  EXPECT_EQ(full, 19'500U);
  EXPECT_EQ(fixture.client->queued(), 500U);
  EXPECT_EQ(fixture.loop->blocks().bytes_held(), held);
  EXPECT_EQ(fixture.counters.failure(StoreFailure::full).value(), 19'500U);
  server.thaw();
  ASSERT_TRUE(fixture.loop.until([&] { return fixture.client->queued() == 0; }));
}

TEST(Client, the_bytes_of_the_queue_are_bounded_too) {
  RedisServer server;
  ClientFixture fixture(at_port(server.port()));
  ASSERT_TRUE(fixture.up());
  server.freeze();
  Listener listener;
  std::string value(200'000, 'v');
  std::string_view words[] = {"SET", "k", value};
  size_t taken = 0;
  while (fixture.client->send({.arguments = words, .deadline = fixture.in(seconds(60))}, listener)) ++taken;
  EXPECT_EQ(taken, kQueueBytesMax / 200'000);
  server.thaw();
  ASSERT_TRUE(fixture.loop.until([&] { return fixture.client->queued() == 0; }));
}

TEST(Client, scripts_are_loaded_once_and_again_after_a_flush) {
  RedisServer server;
  ClientFixture fixture(at_port(server.port()));
  Script script("return redis.call('INCRBY', KEYS[1], ARGV[1])");
  EXPECT_EQ(fixture.run(script, "n", {"2"}), "answered 2");
  EXPECT_EQ(fixture.run(script, "n", {"3"}), "answered 5");
  EXPECT_NE(server.ask({"INFO", "commandstats"}).find("cmdstat_eval:calls=1,"), std::string::npos);
  server.ask({"SCRIPT", "FLUSH"});
  EXPECT_EQ(fixture.run(script, "n", {"1"}), "answered 6");
  EXPECT_EQ(fixture.run(script, "n", {"1"}), "answered 7");
  EXPECT_EQ(fixture.counters.failure(StoreFailure::refused).value(), 0U);
  Script broken("return redis.call('LPUSH', KEYS[1], ARGV[1])");
  EXPECT_EQ(fixture.run(broken, "n", {"1"}), "refused command");
}

TEST(Client, a_burst_of_scripts_behind_a_flush_all_run_once) {
  RedisServer server;
  ClientFixture fixture(at_port(server.port()));
  Script script("return redis.call('INCR', KEYS[1])");
  ASSERT_EQ(fixture.run(script, "n", {}), "answered 1");
  server.ask({"SCRIPT", "FLUSH"});
  Listener listener;
  for (uint64_t i = 0; i < 100; ++i) {
    ASSERT_TRUE(fixture.client->send({.arguments = {}, .key = "n", .script = &script, .deadline = fixture.in(seconds(5))}, listener));
  }
  ASSERT_TRUE(fixture.loop.until([&] { return listener.got.size() == 100; }));
  EXPECT_EQ(server.ask({"GET", "n"}), "101");
}

TEST(Client, an_unwell_redis_counts_as_one_that_does_not_answer) {
  RedisServer server({.arguments = {"--maxmemory", "1mb"}});
  server.ask({"CONFIG", "SET", "maxmemory", "1"});
  ClientFixture fixture(at_port(server.port()));
  std::string last;
  int unfit = 0;
  for (int i = 0; i < 10 && last != "unsent away"; ++i) {
    last = fixture.ask({"SET", "a", "1"});
    if (last == "unfit out_of_memory") ++unfit;
  }
  EXPECT_EQ(unfit, static_cast<int>(kMissesMax));
  EXPECT_EQ(last, "unsent away");
  server.ask({"CONFIG", "SET", "maxmemory", "0"});
  ASSERT_TRUE(fixture.up());
  EXPECT_EQ(fixture.ask({"SET", "a", "1"}), "answered OK");
}

TEST(Client, a_replica_is_left_at_the_first_refused_write) {
  RedisServer master;
  RedisServer replica({.arguments = {"--replicaof", "127.0.0.1 " + std::to_string(master.port())}});
  ASSERT_TRUE(net::TestLoop().until([&] { return replica.ask({"INFO", "replication"}).find("link_status:up") != std::string::npos; }));
  ClientFixture fixture(at_port(replica.port()));
  EXPECT_EQ(fixture.ask({"SET", "a", "1"}), "unfit read_only");
  EXPECT_FALSE(fixture.client->up());
  replica.ask({"REPLICAOF", "NO", "ONE"});
  ASSERT_TRUE(fixture.up());
  EXPECT_EQ(fixture.ask({"SET", "a", "1"}), "answered OK");
}

TEST(Client, a_password_that_changes_under_way_is_noticed) {
  RedisServer server;
  Options options = at_port(server.port());
  ClientFixture fixture(options);
  ASSERT_TRUE(fixture.up());
  EXPECT_EQ(fixture.ask({"CONFIG", "SET", "requirepass", "new"}), "answered OK");
  fixture.ask({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "no"});
  ASSERT_TRUE(fixture.loop.until([&] { return !fixture.client->up(); }));
  EXPECT_EQ(fixture.ask({"PING"}), "unsent away");
}

TEST(Client, one_line_of_log_for_all_workers) {
  LogCatcher log;
  RedisServer server;
  Options options = at_port(server.port());
  options.presence = std::make_shared<SharedPresence>();
  ClientFixture one(options), two(options);
  ASSERT_TRUE(one.up() && two.up());
  server.kill();
  ASSERT_TRUE(one.loop.until([&] { two.loop.settle(1); return !one.client->up() && !two.client->up(); }));
  server.start();
  ASSERT_TRUE(one.loop.until([&] { two.loop.settle(1); return one.client->up() && two.client->up(); }));
  EXPECT_EQ(log.count("redis away"), 1) << log.text();
  EXPECT_EQ(log.count("redis back"), 1) << log.text();
}

TEST(Client, goes_away_with_commands_under_way) {
  RedisServer server;
  Listener listener;
  {
    ClientFixture fixture(at_port(server.port()));
    ASSERT_TRUE(fixture.up());
    server.freeze();
    std::string_view words[] = {"PING"};
    ASSERT_TRUE(fixture.client->send({.arguments = words}, listener));
    fixture.loop.settle(3);
    ASSERT_TRUE(fixture.client->send({.arguments = words}, listener));
  }
  EXPECT_TRUE(listener.got.empty());
  server.thaw();
}

}  // namespace
}  // namespace sluice::redis

// Servers that are no Redis, or one that misbehaves: played by the test itself.
#include <gtest/gtest.h>

#include "unit/redis/client_fixture.h"

namespace sluice::redis {
namespace {

/// Greets as Redis does, then answers each piece it reads with `reply`.
class Imposter {
 public:
  Imposter(Loop& loop, std::string greeting, std::string reply)
      : socket_(net::listen_on("127.0.0.1:1")), listener_(loop, door_) {
    door_.prepare = [this, &loop, greeting, reply](net::End& end) {
      end.at_read = [this, &loop, greeting, reply, &end, greeted = false](const Slice&) mutable {
        (void)end.send(loop, greeted ? reply : greeting);
        if (std::exchange(greeted, true) && reset) end.transport->abort();
      };
    };
    EXPECT_TRUE(listener_.start(socket_));
  }
  uint16_t port() const { return socket_.address().port(); }
  size_t connections() const { return door_.clients.size(); }

  bool reset = false;

 private:
  net::Door door_;
  net::ListenSocket socket_;
  net::Listener listener_;
};

/// The fixture's loop must be there before the imposter on it, and after it.
struct Stage {
  explicit Stage(std::string greeting, std::string reply = "") : imposter(loop, greeting, reply) {
    fixture = std::make_unique<ClientFixture>(at_port(imposter.port()));
  }
  bool until(const std::function<bool()>& done) {
    return fixture->loop.until([&] {
      loop.settle(1);
      return done();
    });
  }
  net::TestLoop loop;
  Imposter imposter;
  std::unique_ptr<ClientFixture> fixture;
};

TEST(Hostile, a_web_server_is_no_redis) {
  LogCatcher log;
  Stage stage("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
  ASSERT_TRUE(stage.until([&] { return log.count("redis away") == 1; }));
  EXPECT_EQ(log.count("not the protocol of Redis"), 1) << log.text();
  EXPECT_EQ(stage.fixture->client->queued(), 0U);
}

TEST(Hostile, a_greeting_that_never_ends_is_cut_off_by_the_deadline) {
  LogCatcher log;
  Stage stage("$100000\r\nx");
  ASSERT_TRUE(stage.until([&] { return log.count("redis away") == 1; }));
  EXPECT_EQ(log.count("no connection in time"), 1) << log.text();
}

TEST(Hostile, replies_that_nobody_asked_for_end_the_connection) {
  Stage stage("+PONG\r\n", "+OK\r\n+OK\r\n:1\r\n");
  ASSERT_TRUE(stage.until([&] { return stage.fixture->client->up(); }));
  Listener listener;
  std::string_view words[] = {"PING"};
  ASSERT_TRUE(stage.fixture->client->send({.arguments = words, .deadline = stage.fixture->in(seconds(5))}, listener));
  ASSERT_TRUE(stage.until([&] { return !listener.got.empty() && !stage.fixture->client->up(); }));
  EXPECT_EQ(listener.got[0].text, "answered OK");
}

TEST(Hostile, a_bomb_of_items_costs_one_connection) {
  Stage stage("+PONG\r\n", "*2147483647\r\n");
  ASSERT_TRUE(stage.until([&] { return stage.fixture->client->up(); }));
  Listener listener;
  std::string_view words[] = {"PING"};
  ASSERT_TRUE(stage.fixture->client->send({.arguments = words, .deadline = stage.fixture->in(seconds(5))}, listener));
  ASSERT_TRUE(stage.until([&] { return !listener.got.empty(); }));
  EXPECT_EQ(listener.got[0].text, "lost");
}

TEST(Hostile, a_reset_loses_what_was_sent) {
  Stage stage("+PONG\r\n", "");
  stage.imposter.reset = true;
  ASSERT_TRUE(stage.until([&] { return stage.fixture->client->up(); }));
  Listener listener;
  std::string_view words[] = {"PING"};
  ASSERT_TRUE(stage.fixture->client->send({.arguments = words, .deadline = stage.fixture->in(seconds(5))}, listener));
  ASSERT_TRUE(stage.until([&] { return !listener.got.empty(); }));
  EXPECT_EQ(listener.got[0].text, "lost");
}

TEST(Hostile, moved_in_circles_is_followed_a_few_times_only) {
  net::TestLoop loop;
  Imposter first(loop, "+PONG\r\n", "-MOVED 5 127.0.0.1:1\r\n");
  ClientFixture fixture([&] {
    Options options = at_port(first.port());
    options.layout = Layout::cluster;
    return options;
  }());
  Listener listener;
  std::string_view words[] = {"GET", "x"};
  ASSERT_TRUE(fixture.client->send({.arguments = words, .key = "x", .deadline = fixture.in(seconds(5))}, listener));
  ASSERT_TRUE(fixture.loop.until([&] {
    loop.settle(1);
    return !listener.got.empty();
  }));
  EXPECT_NE(listener.got[0].text, "answered");
  EXPECT_EQ(fixture.client->queued(), 0U);
}

}  // namespace
}  // namespace sluice::redis

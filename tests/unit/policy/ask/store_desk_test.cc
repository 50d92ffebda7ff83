#include "policy/ask/store_desk.h"

#include <csignal>

#include "unit/policy/reach.h"
#include "unit/redis/server.h"

namespace sluice::policy {
namespace {

using std::chrono::milliseconds;

struct Text {
  std::string text;
  size_t bytes() const { return text.size(); }
};
struct TextReader final : StoredReader<Text> {
  Text read(std::optional<std::string_view> text) const override { return {std::string(text.value_or("none"))}; }
};
using Desk = StoreDesk<Text>;

class StoreDeskTest : public testing::Test {
 protected:
  StoreDeskTest() {
    signal(SIGPIPE, SIG_IGN);
    options.name = "main";
    options.places = {{"127.0.0.1", server.port()}};
    options.command_timeout = milliseconds(net::kSanitized ? 1000 : 200);
    instance = std::make_shared<redis::Instance>(options);
    client = std::make_unique<redis::Client>(
        redis::Parts{reach.loop, reach.tls_io, random, nullptr, counters}, options);
    instance->set_client(0, client.get());
    desk = std::make_shared<Desk>(instance, std::make_shared<const TextReader>(), 64 * 1024);
    EXPECT_TRUE(reach.loop.until([&] { return client->up(); }));
  }
  ~StoreDeskTest() override {
    client.reset();
    reach.loop.settle(3);
  }
  std::unique_ptr<TestCall> request() {
    auto test = std::make_unique<TestCall>("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    test->call.clock_ = &clock;
    test->call.reach_ = &reach.reach;
    return test;
  }
  /// gives: the text; what it is not, in angle brackets
  static std::string shown(const Desk::Found& found) {
    if (found.state == Desk::State::waiting) return "<waiting>";
    return found.state == Desk::State::known ? found.value->text : "<unavailable>";
  }
  /// Asks, and waits for the answer where there is none yet.
  std::string find(std::string_view name) {
    auto test = request();
    Desk::Found found = desk->find(test->call, name);
    if (found.state != Desk::State::waiting) return shown(found);
    EXPECT_TRUE(reach.until_woken(*test));
    return shown(desk->find(test->call, name));
  }
  std::string find_at_once(std::string_view name) {
    auto test = request();
    return shown(desk->find(test->call, name));
  }

  redis::RedisServer server;
  TestReach reach;
  Random random{1};
  FakeClock clock;
  StoreCounters counters;
  redis::Options options;
  std::shared_ptr<redis::Instance> instance;
  std::unique_ptr<redis::Client> client;
  std::shared_ptr<Desk> desk;
};

TEST_F(StoreDeskTest, what_is_found_is_known_for_less_than_a_second) {
  server.ask({"SET", "a", "first"});
  EXPECT_EQ(find("a"), "first");
  EXPECT_EQ(find("b"), "none");
  server.ask({"DEL", "a"});
  server.ask({"SET", "b", "now"});
  clock.advance(kStoredKept - milliseconds(1));
  EXPECT_EQ(find_at_once("a"), "first");
  EXPECT_EQ(find_at_once("b"), "none");
  clock.advance(milliseconds(1));
  EXPECT_EQ(find("a"), "none");
  EXPECT_EQ(find("b"), "now");
}

TEST_F(StoreDeskTest, who_wants_to_know_how_it_stands_now_gets_no_old_answer) {
  server.ask({"SET", "a", "first"});
  EXPECT_EQ(find("a"), "first");
  server.ask({"SET", "a", "second"});
  clock.advance(milliseconds(100));
  TimePoint since = clock.now() - milliseconds(50);
  auto test = request();
  EXPECT_EQ(shown(desk->find(test->call, "a", since - milliseconds(50))), "first");
  EXPECT_EQ(shown(desk->find(test->call, "a", since)), "<waiting>");
  EXPECT_EQ(find_at_once("a"), "first") << "for others it is new enough";
  clock.advance(milliseconds(100));
  EXPECT_TRUE(reach.until_woken(*test));
  EXPECT_EQ(shown(desk->find(test->call, "a", since)), "second") << "however long it took";
  EXPECT_EQ(find_at_once("a"), "second");
}

TEST_F(StoreDeskTest, rechecks_leave_the_most_of_the_queue_to_requests) {
  EXPECT_EQ(store_rechecks_max(*instance, 0), kStoreRechecksMax);
  EXPECT_EQ(store_rechecks_max(*instance, 1), 0u);
  options.queue_max = 40;
  redis::Client small(redis::Parts{reach.loop, reach.tls_io, random, nullptr, counters}, options);
  instance->set_client(1, &small);
  EXPECT_EQ(store_rechecks_max(*instance, 1), 10u);
}

TEST_F(StoreDeskTest, one_asks_for_all_who_want_the_same) {
  server.ask({"SET", "a", "first"});
  server.ask({"CONFIG", "RESETSTAT"});
  auto first = request(), second = request();
  EXPECT_EQ(shown(desk->find(first->call, "a")), "<waiting>");
  EXPECT_EQ(shown(desk->find(second->call, "a")), "<waiting>");
  ASSERT_TRUE(reach.until_woken(*first) && reach.until_woken(*second));
  EXPECT_EQ(first->last, Verdict::Kind::again);
  EXPECT_EQ(shown(desk->find(second->call, "a")), "first");
  EXPECT_NE(server.ask({"INFO", "commandstats"}).find("cmdstat_get:calls=1,"), std::string::npos);
}

TEST_F(StoreDeskTest, a_silent_redis_is_asked_again_soon) {
  server.ask({"SET", "a", "first"});
  EXPECT_EQ(find("a"), "first");
  clock.advance(kStoredKept);
  server.freeze();
  EXPECT_EQ(find("a"), "<unavailable>");   // by the command's deadline; what was known does not count
  EXPECT_EQ(find_at_once("a"), "<unavailable>");
  server.thaw();
  clock.advance(kStoreSilenceKept);
  EXPECT_TRUE(reach.loop.until([&] {
    clock.advance(kStoreSilenceKept);
    return find("a") == "first";
  }));
}

TEST_F(StoreDeskTest, an_answer_that_took_too_long_is_none) {
  server.ask({"SET", "a", "first"});
  auto test = request();
  EXPECT_EQ(shown(desk->find(test->call, "a")), "<waiting>");
  clock.advance(kStoredKept);
  ASSERT_TRUE(reach.until_woken(*test));
  EXPECT_EQ(shown(desk->find(test->call, "a")), "<unavailable>");
}

TEST_F(StoreDeskTest, a_text_that_is_none_is_no_answer) {
  server.ask({"RPUSH", "list", "x"});
  EXPECT_EQ(find("list"), "<unavailable>");
}

TEST_F(StoreDeskTest, a_redis_that_went_away_is_not_waited_for) {
  server.kill();
  ASSERT_TRUE(reach.loop.until([&] { return !client->up(); }));
  EXPECT_EQ(find_at_once("a"), "<unavailable>");
  instance->set_client(0, nullptr);
  EXPECT_EQ(find_at_once("b"), "<unavailable>");
}

TEST_F(StoreDeskTest, a_rehearsal_asks_nobody) {
  auto test = request();
  test->call.reach_ = nullptr;
  EXPECT_EQ(shown(desk->find(test->call, "a")), "<waiting>");
  EXPECT_EQ(client->queued(), 0U);
}

TEST_F(StoreDeskTest, an_open_question_outlives_its_authenticator) {
  auto test = request();
  EXPECT_EQ(shown(desk->find(test->call, "a")), "<waiting>");
  desk.reset();
  EXPECT_TRUE(reach.until_woken(*test));
}

}  // namespace
}  // namespace sluice::policy

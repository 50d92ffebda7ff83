#include "export/courier.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "export/copy_queue.h"
#include "export/syslog_delivery.h"
#include "unit/redis/server.h"

namespace sluice::exporting {
namespace {

using observe::OnOverflow;
using observe::SyslogAddress;

/// A socket that syslog messages are sent to.
class Receiver {
 public:
  static int of(int family, int type) { return ::socket(family, type, 0); }
  /// "unix:PATH", "udp" or "tcp": on loopback, a free port.
  explicit Receiver(const std::string& kind) {
    if (kind.starts_with("unix:")) {
      address_ = kind;
      descriptor_ = of(AF_UNIX, SOCK_DGRAM);
      sockaddr_un to{AF_UNIX, {}};
      std::snprintf(to.sun_path, sizeof(to.sun_path), "%s", kind.c_str() + 5);
      EXPECT_EQ(::bind(descriptor_, reinterpret_cast<sockaddr*>(&to), sizeof(to)), 0);
      return;
    }
    descriptor_ = of(AF_INET, kind == "udp" ? SOCK_DGRAM : SOCK_STREAM);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(to);
    EXPECT_EQ(::bind(descriptor_, reinterpret_cast<sockaddr*>(&to), size), 0);
    EXPECT_EQ(::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&to), &size), 0);
    EXPECT_TRUE(kind == "udp" || ::listen(descriptor_, 8) == 0);
    address_ = kind + "://127.0.0.1:" + std::to_string(ntohs(to.sin_port));
  }
  ~Receiver() { ::close(descriptor_); }

  const std::string& address() const { return address_; }
  int descriptor() const { return descriptor_; }
  /// The next message, or nothing after two seconds.
  std::string receive() {
    pollfd ready{descriptor_, POLLIN, 0};
    if (::poll(&ready, 1, 2'000) != 1) return "";
    char bytes[70'000];
    ssize_t got = ::recv(descriptor_, bytes, sizeof(bytes), 0);
    return got < 0 ? "" : std::string(bytes, static_cast<size_t>(got));
  }
  /// All that a client says until it leaves.
  std::string receive_all() {
    int client = ::accept(descriptor_, nullptr, nullptr);
    std::string out;
    char bytes[70'000];
    for (ssize_t got; (got = ::recv(client, bytes, sizeof(bytes), 0)) > 0;) out.append(bytes, static_cast<size_t>(got));
    ::close(client);
    return out;
  }

 private:
  std::string address_;
  int descriptor_ = -1;
};

CopyPlaces syslog_at(const std::string& address) {
  CopyPlaces places;
  places.syslog.emplace();
  places.syslog->address = *SyslogAddress::parse(address);
  return places;
}

class CourierTest : public testing::Test {
 protected:
  CourierTest() {
    char folder[] = "/tmp/courier-XXXXXX";
    folder_ = ::mkdtemp(folder);
  }
  ~CourierTest() override { std::filesystem::remove_all(folder_); }

  observe::LogCounts counts() const { return courier_.counts().at(0).second; }
  template <class Condition>
  bool until(Condition condition) const {
    for (int i = 0; i < 500 && !condition(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return condition();
  }

  std::string folder_;
  Courier courier_{1};
};

TEST_F(CourierTest, each_record_is_a_datagram) {
  for (const std::string& kind : {"unix:" + folder_ + "/log", std::string("udp")}) {
    Receiver receiver(kind);
    auto copies = courier_.open(syslog_at(receiver.address()));
    copies.at(0)->take("one\ntwo\n", 2);
    copies.at(0)->take("\nthree\n", 1);
    for (const char* text : {"one", "two", "three"}) {
      std::string message = receiver.receive();
      EXPECT_TRUE(message.starts_with("<86>1 - ") && message.ends_with(std::string(" audit - ") + text)) << kind << ": " << message;
    }
  }
}

TEST_F(CourierTest, over_tcp_messages_have_their_length_before_them) {
  Receiver receiver("tcp");
  {
    auto copies = courier_.open(syslog_at(receiver.address()));
    copies.at(0)->take("one\ntwo\n", 2);
  }
  std::thread ending([&] { courier_.stop(); });
  std::string all = receiver.receive_all();
  ending.join();
  for (const char* text : {"one", "two"}) {
    size_t length = std::stoul(all);
    all.erase(0, all.find(' ') + 1);
    EXPECT_TRUE(all.substr(0, length).ends_with(text)) << all;
    all.erase(0, length);
  }
  EXPECT_EQ(all, "");
}

TEST_F(CourierTest, a_server_that_is_away_gets_the_records_when_it_comes) {
  std::string address = "unix:" + folder_ + "/log";
  auto copies = courier_.open(syslog_at(address));
  copies.at(0)->take("one\n", 1);
  ASSERT_TRUE(until([&] { return counts().failures == 1; }));
  Receiver receiver(address);
  EXPECT_TRUE(receiver.receive().ends_with(" one"));
  EXPECT_EQ(counts().dropped, 0u);
  EXPECT_EQ(counts().failures, 1u);
}

TEST_F(CourierTest, a_record_that_no_datagram_holds_is_left_out_and_counted) {
  Receiver receiver("udp");
  auto copies = courier_.open(syslog_at(receiver.address()));
  copies.at(0)->take(std::string(66'000, 'x') + "\nafter\n", 2);
  EXPECT_TRUE(receiver.receive().ends_with(" after"));
  EXPECT_EQ(counts().dropped, 1u);
}

TEST_F(CourierTest, what_overflows_is_counted_or_holds_up_as_configured) {
  CopyPlaces places = syslog_at("unix:" + folder_ + "/nobody");
  std::string lines = std::string(64 * 1024 - 1, 'x') + "\n";
  size_t fit = CopyQueue::kBytesMax / lines.size();
  {
    auto copy = courier_.open(places).at(0);
    for (size_t i = 0; i < fit + 3; ++i) copy->take(lines, 1);
    EXPECT_TRUE(copy->has_room());
    EXPECT_EQ(counts().dropped, 3u);
    EXPECT_EQ(counts().lines, fit);
  }
  places.on_overflow = OnOverflow::block;
  auto copy = courier_.open(places).at(0);
  for (size_t i = 0; i < fit; ++i) {
    EXPECT_TRUE(copy->has_room());
    copy->take(lines, 1);
  }
  EXPECT_FALSE(copy->has_room());
  copy->stop_blocking();
  EXPECT_TRUE(copy->has_room());
  copy.reset();
  courier_.stop(std::chrono::milliseconds(20));
  EXPECT_EQ(counts().dropped, 2 * fit + 3);   // nothing came anywhere, and all of it is counted
}

TEST_F(CourierTest, the_same_place_is_the_same_copy) {
  CopyPlaces places = syslog_at("udp://127.0.0.1:9");
  auto first = courier_.open(places), second = courier_.open(places);
  EXPECT_EQ(first.at(0), second.at(0));
  places.syslog->facility = observe::SyslogFacility::local3;
  EXPECT_NE(courier_.open(places).at(0), first.at(0));
}

TEST_F(CourierTest, a_tcp_server_that_is_gone_without_a_word_is_left) {
  struct NoBell final : CopyQueue::Bell {
    void ring() override {}
  } bell;
  Receiver deaf("tcp");   // takes the connection into its queue, and reads nothing
  int room = 4'096;       // or the kernel would hold all of it
  ASSERT_EQ(::setsockopt(deaf.descriptor(), SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)), 0);
  redis::BlackHole silent;
  for (const std::string& address : {deaf.address(), "tcp://127.0.0.1:" + std::to_string(silent.port())}) {
    observe::SharedLogCounts counts;
    auto queue = std::make_shared<CopyQueue>("syslog", OnOverflow::count, bell, counts);
    Loop loop;
    {
      SyslogDelivery delivery(loop, nullptr, queue, {.address = *SyslogAddress::parse(address), .facility = {}},
                              {.connect = std::chrono::milliseconds(50), .write = std::chrono::milliseconds(50)});
      std::string line = std::string(64'000, 'x') + "\n";
      for (int i = 0; i < 60; ++i) queue->take(line, 1);
      {
        LoopTurn turn(loop);
        delivery.go_on();
      }
      for (int i = 0; i < 1'000 && counts.failures == 0; ++i) loop.run_once();
      EXPECT_EQ(counts.failures, 1u) << address;
    }
    EXPECT_TRUE(queue->empty());
    EXPECT_GT(counts.dropped, 0u);
  }
}

/// redis-server of the test's own.
class CourierRedisTest : public CourierTest {
 protected:
  CopyPlaces places() const {
    CopyPlaces out;
    out.redis.emplace();
    out.redis->store.name = "main";
    out.redis->stream = "audit";
    out.redis_options.name = "main";
    out.redis_options.places = {{.host = {}, .port = 0, .unix_path = server_.path()}};
    return out;
  }
  size_t length() { return std::stoul("0" + server_.ask({"XLEN", "audit"})); }

  redis::RedisServer server_;
};

TEST_F(CourierRedisTest, each_record_is_an_entry_in_order) {
  auto copies = courier_.open(places());
  copies.at(0)->take("one\ntwo\n", 2);
  copies.at(0)->take("three\n", 1);
  ASSERT_TRUE(until([&] { return length() == 3; }));
  std::string all = server_.ask({"XRANGE", "audit", "-", "+"});
  size_t one = all.find("record one"), two = all.find("record two"), three = all.find("record three");
  EXPECT_TRUE(one < two && two < three && three != all.npos) << all;
}

TEST_F(CourierRedisTest, the_stream_keeps_about_so_many) {
  CopyPlaces to = places();
  to.redis->length_max = 100;
  auto copies = courier_.open(to);
  std::string lines;
  for (int i = 0; i < 2'000; ++i) lines += "record " + std::to_string(i) + "\n";
  copies.at(0)->take(lines, 2'000);
  ASSERT_TRUE(until([&] { return server_.ask({"XREVRANGE", "audit", "+", "-", "COUNT", "1"}).ends_with("record 1999"); }));
  EXPECT_LT(length(), 400u);
}

TEST_F(CourierRedisTest, none_is_missing_when_redis_was_away) {
  auto copies = courier_.open(places());
  copies.at(0)->take("one\n", 1);
  ASSERT_TRUE(until([&] { return length() == 1; }));
  server_.kill();
  copies.at(0)->take("two\nthree\n", 2);
  ASSERT_TRUE(until([&] { return counts().failures == 1; }));
  server_.start();
  ASSERT_TRUE(until([&] { return server_.ask({"XRANGE", "audit", "-", "+"}).ends_with("record three"); }));
  EXPECT_EQ(counts().dropped, 0u);
}

TEST_F(CourierRedisTest, a_key_that_is_no_stream_is_said_once_and_tried_again) {
  server_.ask({"SET", "audit", "text"});
  auto copies = courier_.open(places());
  copies.at(0)->take("one\n", 1);
  ASSERT_TRUE(until([&] { return counts().failures == 1; }));
  server_.ask({"DEL", "audit"});
  EXPECT_TRUE(until([&] { return length() == 1; }));
  EXPECT_EQ(counts().failures, 1u);
}

}  // namespace
}  // namespace sluice::exporting

#include "net/listener.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mutex>

#include "base/log.h"
#include "unit/net/loopback.h"

namespace sluice::net {
namespace {

struct CountingSink final : LogSink {
  void write(std::string_view line) override {
    std::lock_guard lock(mutex);
    lines.emplace_back(line);
  }
  std::mutex mutex;
  std::vector<std::string> lines;
};

std::string socket_path(const char* name) {
  return ::testing::TempDir() + name + "." + std::to_string(getpid());
}

/// Blocking clients of the kernel's queue: no loop involved.
int connect_blocking(const SocketAddress& to) {
  int descriptor = socket(to.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_storage storage;
  socklen_t size = to.fill(storage);
  EXPECT_EQ(::connect(descriptor, reinterpret_cast<sockaddr*>(&storage), size), 0)
      << strerror(errno);
  return descriptor;
}

TEST(ListenSocket, several_share_an_address_and_a_probe_sees_them) {
  ListenSocket first = listen_on("127.0.0.1:1");
  SocketAddress address = first.address();
  EXPECT_NE(address.port(), 0);
  auto second = ListenSocket::bind(address);
  ASSERT_TRUE(second) << second.error().what;
  EXPECT_EQ(second->address(), address);
  auto used = address_in_use(address);
  ASSERT_TRUE(used);
  EXPECT_TRUE(*used);
}

TEST(ListenSocket, an_address_in_time_wait_is_free) {
  SocketAddress address;
  {
    ListenSocket socket = listen_on("127.0.0.1:1");
    address = socket.address();
    int client = connect_blocking(address);
    int server = accept(socket.descriptor(), nullptr, nullptr);
    ASSERT_GE(server, 0);
    close(server);  // the side that closes first waits
    close(client);
  }
  auto used = address_in_use(address);
  ASSERT_TRUE(used) << used.error().what;
  EXPECT_FALSE(*used);
}

TEST(ListenSocket, errors_are_the_systems_words) {
  auto foreign = ListenSocket::bind(*SocketAddress::parse("192.0.2.1:8080"));
  ASSERT_FALSE(foreign);
  EXPECT_STREQ(foreign.error().what, "Cannot assign requested address");
  EXPECT_FALSE(address_in_use(*SocketAddress::parse("192.0.2.1:8080")));
  auto nowhere = ListenSocket::bind(SocketAddress::unix_path("/nonexistent/x.sock"));
  ASSERT_FALSE(nowhere);
  EXPECT_STREQ(nowhere.error().what, "No such file or directory");
}

TEST(ListenSocket, any_address_means_both_families) {
  ListenSocket socket = listen_on(":1");
  uint16_t port = socket.address().port();
  for (const char* host : {"127.0.0.1", "::1"}) {
    close(connect_blocking({*IpAddress::parse(host), port}));
  }
}

TEST(ListenSocket, is_not_inherited_by_children) {
  ListenSocket socket = listen_on("127.0.0.1:1");
  EXPECT_TRUE(fcntl(socket.descriptor(), F_GETFD) & FD_CLOEXEC);
}

TEST(ListenSocket, a_unix_file_has_its_mode_and_goes_with_its_socket) {
  SocketAddress address = SocketAddress::unix_path(socket_path("mode.sock"));
  struct stat found {};
  {
    auto socket = ListenSocket::bind(address, {.unix_mode = 0600});
    ASSERT_TRUE(socket);
    ASSERT_EQ(lstat(address.path().c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777, 0600u);
    ListenSocket moved = std::move(*socket);
    EXPECT_TRUE(*address_in_use(address));
  }
  EXPECT_NE(lstat(address.path().c_str(), &found), 0);
  EXPECT_FALSE(*address_in_use(address));
}

TEST(ListenSocket, a_stale_unix_file_is_replaced_a_live_or_foreign_one_is_not) {
  SocketAddress address = SocketAddress::unix_path(socket_path("stale.sock"));
  {
    auto left = ListenSocket::bind(address);
    ASSERT_TRUE(left);
    left->keep_file();
  }
  auto live = ListenSocket::bind(address);
  ASSERT_TRUE(live) << live.error().what;
  EXPECT_FALSE(ListenSocket::bind(address));
  SocketAddress file = SocketAddress::unix_path(socket_path("plain.file"));
  close(open(file.path().c_str(), O_CREAT | O_WRONLY, 0600));
  EXPECT_FALSE(ListenSocket::bind(file));
  EXPECT_EQ(unlink(file.path().c_str()), 0);  // it is still there
}

TEST(ListenSocket, an_adopted_descriptor_knows_its_kind) {
  SocketAddress address = SocketAddress::unix_path(socket_path("adopt.sock"));
  auto original = ListenSocket::bind(address);
  ASSERT_TRUE(original);
  {
    ListenSocket adopted = ListenSocket::adopt(dup(original->descriptor()));
    EXPECT_TRUE(adopted.is_unix());
  }
  EXPECT_TRUE(*address_in_use(address));  // the adopted one left the file
}

TEST(Listener, tells_who_came) {
  Pair pair;
  pair.connect();
  ASSERT_EQ(pair.door.clients.size(), 1u);
  EXPECT_EQ(pair.door.clients[0].ip().to_string(), "127.0.0.1");
  EXPECT_NE(pair.door.clients[0].port(), 0);
}

TEST(Listener, two_on_one_socket_share_its_queue) {  // fewer workers than sockets, or unix sockets
  TestLoop loop;
  ListenSocket socket = listen_on("unix:share.sock");
  Door door;
  Listener first(loop, door), second(loop, door);
  ASSERT_TRUE(first.start(socket));
  ASSERT_TRUE(second.start(socket));
  first.stop();
  EXPECT_FALSE(first.listening());
  int client = connect_blocking(socket.address());
  ASSERT_TRUE(loop.until([&] { return door.ends.size() == 1; }));
  close(client);
}

TEST(Listener, stop_takes_what_waits_in_the_queue) {
  TestLoop loop;
  ListenSocket socket = listen_on("127.0.0.1:1");
  Door door;
  Listener listener(loop, door);
  ASSERT_TRUE(listener.start(socket));
  std::vector<int> clients;
  for (int i = 0; i < 150; ++i) clients.push_back(connect_blocking(socket.address()));
  listener.stop();  // the loop has not turned once
  EXPECT_EQ(door.ends.size(), 150u);
  for (int client : clients) close(client);
}

TEST(Listener, an_acceptor_may_stop_it) {
  TestLoop loop;
  ListenSocket socket = listen_on("127.0.0.1:1");
  struct Stopper final : Acceptor {
    void on_accept(TransportPtr, const SocketAddress&) override {
      ++count;
      listener->stop();
    }
    Listener* listener = nullptr;
    int count = 0;
  } stopper;
  Listener listener(loop, stopper);
  stopper.listener = &listener;
  ASSERT_TRUE(listener.start(socket));
  int first = connect_blocking(socket.address()), second = connect_blocking(socket.address());
  ASSERT_TRUE(loop.until([&] { return stopper.count == 2; }));
  loop.settle();
  EXPECT_FALSE(listener.listening());
  close(first);
  close(second);
}

TEST(Listener, out_of_descriptors_it_waits_logs_once_and_goes_on) {  // T10.6
  if (kSanitized) GTEST_SKIP() << "UBSan opens a pipe to look at a class it sees first";
  CountingSink sink;
  set_log_sink(&sink);
  TestLoop loop;
  ListenSocket socket = listen_on("127.0.0.1:1");
  Door door;
  Listener listener(loop, door);
  ASSERT_TRUE(listener.start(socket));
  std::vector<int> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(connect_blocking(socket.address()));
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  int next = dup(0);
  close(next);
  rlimit tight = before;
  tight.rlim_cur = static_cast<rlim_t>(next) + 5;  // room for five of the twenty
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &tight), 0);
  bool paused = loop.until([&] { return listener.pauses().value() >= 4; });
  size_t accepted = door.ends.size();
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  set_log_sink(nullptr);
  EXPECT_TRUE(paused);
  EXPECT_GE(accepted, 4u);  // libuv keeps one in reserve
  EXPECT_LE(accepted, 5u);
  EXPECT_EQ(sink.lines.size(), 1u);
  EXPECT_NE(sink.lines[0].find("Too many open files"), std::string::npos) << sink.lines[0];
  ASSERT_TRUE(loop.until([&] { return door.ends.size() == 20; }));  // nobody was turned away
  for (int client : clients) close(client);
}

}  // namespace
}  // namespace sluice::net

// Two ends of a connection over loopback and a loop that is driven until something holds.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "loop/loop.h"
#include "net/listener.h"
#include "net/tcp.h"
#include "net/transport.h"

namespace sluice::net {

using std::chrono::milliseconds;
using std::chrono::seconds;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

/// A loop whose turns end at least every 5 ms, so that conditions are looked at.
class TestLoop {
 public:
  TestLoop() {
    uv_timer_init(loop_.uv(), &beat_);
    uv_timer_start(
        &beat_, [](uv_timer_t*) {}, 5, 5);
  }
  ~TestLoop() { uv_close(reinterpret_cast<uv_handle_t*>(&beat_), nullptr); }
  operator Loop&() { return loop_; }
  Loop* operator->() { return &loop_; }

  /// gives: whether `done` held before the time was over
  template <class Done>
  [[nodiscard]] bool until(Done done, seconds limit = seconds(20)) {
    auto end = std::chrono::steady_clock::now() + limit;
    while (!done()) {
      if (std::chrono::steady_clock::now() > end) return false;
      loop_.run_once();
    }
    return true;
  }
  /// Lets what is under way happen: for "nothing follows".
  void settle(int turns = 10) {
    while (turns-- > 0) loop_.run_once();
  }

 private:
  Loop loop_;
  uv_timer_t beat_;
};

/// One end: holds its transport and records every event.
struct End final : Transport::Events {
  void on_open() override {
    opened = true;
    if (at_open) at_open();
  }
  void on_read(const Slice& bytes) override {
    received_bytes += bytes.size;
    if (keep) received.append(bytes.view());
    if (at_read) at_read(bytes);
  }
  void on_readable() override { ++readable; }
  void on_eof() override {
    EXPECT_FALSE(eof || failed) << "an event after the end";
    eof = true;
    if (at_end) at_end();
  }
  void on_writable() override {
    ++writable;
    if (at_writable) at_writable();
  }
  void on_write_failed(Error why) override { write_failed = why; }
  void on_failed(Error why) override {
    EXPECT_FALSE(eof || failed) << "an event after the end";
    failed = why;
    if (at_end) at_end();
  }

  Result<void> send(Loop& loop, std::string_view text) {
    Chain bytes;
    bytes.append_copy(loop.blocks(), text);
    return transport->write(std::move(bytes));
  }

  TransportPtr transport;
  std::string received;
  size_t received_bytes = 0;
  bool keep = true;
  bool opened = false;
  bool eof = false;
  int readable = 0;
  int writable = 0;
  std::optional<Error> failed;
  std::optional<Error> write_failed;
  std::function<void()> at_open, at_writable, at_end;
  std::function<void(const Slice&)> at_read;
};

/// Accepts into a list; `wrap` may put TLS around what was accepted.
struct Door final : Acceptor {
  void on_accept(TransportPtr transport, const SocketAddress& client) override {
    clients.push_back(client);
    auto end = std::make_unique<End>();
    end->transport = wrap ? wrap(std::move(transport)) : std::move(transport);
    if (prepare) prepare(*end);
    end->transport->start(*end);
    ends.push_back(std::move(end));
  }
  std::function<TransportPtr(TransportPtr)> wrap;
  std::function<void(End&)> prepare;
  std::vector<std::unique_ptr<End>> ends;
  std::vector<SocketAddress> clients;
};

inline ListenSocket listen_on(std::string_view address) {
  auto parsed = SocketAddress::parse(address);
  std::string path = ::testing::TempDir() + parsed->path() + "." + std::to_string(getpid());
  // Port 0 is refused in configuration, so tests say "any port" by 1.
  SocketAddress at =
      parsed->is_unix() ? SocketAddress::unix_path(path) : SocketAddress(parsed->ip(), 0);
  auto socket = ListenSocket::bind(at);
  EXPECT_TRUE(socket) << socket.error().what;
  return std::move(*socket);
}

/// A listener on loopback and a connection to it.
struct Pair {
  explicit Pair(std::string_view address = "127.0.0.1:1")
      : socket(listen_on(address)), listener(loop, door) {
    EXPECT_TRUE(listener.start(socket));
  }
  void connect() {
    auto made = connect_socket(loop, socket.address(), client);
    ASSERT_TRUE(made) << made.error().what;
    client.transport = std::move(*made);
    ASSERT_TRUE(loop.until([&] { return client.opened && !door.ends.empty(); }));
  }
  End& server() { return *door.ends.front(); }

  TestLoop loop;
  Door door;
  ListenSocket socket;
  Listener listener;
  End client;
};

/// Bytes that tell their place, so that a swap or a loss shows.
inline std::string pattern(size_t size, size_t from = 0) {
  std::string text(size, '\0');
  for (size_t i = 0; i < size; ++i) {
    uint64_t at = (from + i) / 8 * 0x9E3779B97F4A7C15ULL;
    text[i] = static_cast<char>(at >> ((from + i) % 8 * 8));
  }
  return text;
}

}  // namespace sluice::net

// A client on a loop that is driven until it has its answers.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "redis/client.h"
#include "unit/net/loopback.h"
#include "unit/redis/server.h"

namespace sluice::redis {

using std::chrono::milliseconds;
using std::chrono::seconds;

inline Options at_port(uint16_t port) {
  Options options;
  options.name = "main";
  options.places = {{"127.0.0.1", port}};
  if (net::kSanitized) options.connect_timeout = seconds(5);
  return options;
}

inline std::shared_ptr<const Live<Logins>> login(std::string user, std::string password) {
  auto logins = std::make_shared<Logins>();
  logins->server = {std::move(user), crypto::Secret(std::move(password))};
  return std::make_shared<Live<Logins>>(std::move(logins));
}

/// "answered OK", "refused command", "timeout".
inline std::string shown(const Answer& answer) {
  static constexpr const char* kOutcomes[] = {"answered", "refused", "unfit", "timeout", "lost", "away"};
  std::string text = kOutcomes[static_cast<size_t>(answer.outcome)];
  if (answer.error != ErrorKind::none) return text + " " + std::string(error_kind_name(answer.error));
  if (answer.reply == nullptr) return text;
  switch (answer.reply->type) {
    case Reply::Type::nil: return text + " (nil)";
    case Reply::Type::integer: return text + " " + std::to_string(answer.reply->integer);
    case Reply::Type::array: return text + " array";
    default: return text + " " + std::string(answer.reply->text);
  }
}

struct Listener : Asker {
  struct Got {
    uint64_t tag;
    std::string text;
  };
  void on_answer(uint64_t tag, const Answer& answer) override { got.push_back({tag, shown(answer)}); }
  std::vector<Got> got;
};

/// Catches the log while it lives.
class LogCatcher final : public LogSink {
 public:
  LogCatcher() { set_log_sink(this); }
  ~LogCatcher() override { set_log_sink(nullptr); }
  void write(std::string_view line) override { text_ += line; }
  int count(std::string_view words) const {
    int found = 0;
    for (size_t at = 0; (at = text_.find(words, at)) != text_.npos; at += words.size()) ++found;
    return found;
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

class ClientFixture {
 public:
  explicit ClientFixture(Options options) : io(loop) {
    signal(SIGPIPE, SIG_IGN);
    resolver = *net::Resolver::make(loop, {});
    client = std::make_unique<Client>(Parts{loop, io, random, resolver.get(), counters}, std::move(options));
  }
  ~ClientFixture() {
    client.reset();
    loop.settle(3);
  }

  [[nodiscard]] bool up() {
    return loop.until([&] { return client->up(); });
  }
  TimePoint in(Duration from_now) { return loop->clock().now() + from_now; }
  void wait(Duration time) {
    auto end = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < end) loop.settle(1);
  }

  std::string ask(std::initializer_list<std::string_view> words, Duration patience = {}) {
    return tell({.arguments = std::span(words.begin(), words.size())}, patience);
  }
  std::string ask_key(std::string_view key, std::initializer_list<std::string_view> words) {
    return tell({.arguments = std::span(words.begin(), words.size()), .key = key}, {});
  }
  std::string run(const Script& script, std::string_view key, std::initializer_list<std::string_view> arguments) {
    return tell({.arguments = std::span(arguments.begin(), arguments.size()), .key = key, .script = &script}, {});
  }
  std::string tell(Command command, Duration patience) {
    Listener listener;
    uv_update_time(loop->uv());
    if (patience > Duration{}) command.deadline = in(patience);
    auto sent = client->send(command, listener);
    if (!sent) {
      static constexpr const char* kReasons[] = {"away", "full", "too_large"};
      return std::string("unsent ") + kReasons[static_cast<size_t>(sent.error())];
    }
    EXPECT_TRUE(loop.until([&] { return !listener.got.empty(); }));
    return listener.got.empty() ? "nothing" : listener.got[0].text;
  }

  net::TestLoop loop;
  net::TlsIo io;
  Random random{42};
  StoreCounters counters;
  std::unique_ptr<net::Resolver> resolver;
  std::unique_ptr<Client> client;
};

}  // namespace sluice::redis

// A process without its keeper: supervisor, upstreams and reload on a loop that the test drives, with
// real workers and real sockets.
#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "control/reload.h"
#include "net/resolver.h"
#include "snapshot/build.h"
#include "unit/net/loopback.h"

namespace sluice::control {

class Socket {
 public:
  Socket() : number_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
  Socket(const Socket&) = delete;
  ~Socket() { ::close(number_); }
  bool bind(uint16_t port) { return ::bind(number_, address_of(port), sizeof(address_)) == 0; }
  bool listen(uint16_t port) { return bind(port) && ::listen(number_, 8) == 0; }
  bool connect(uint16_t port) { return ::connect(number_, address_of(port), sizeof(address_)) == 0; }
  /// gives: what comes until the end
  std::string ask(const std::string& request) {
    if (::send(number_, request.data(), request.size(), MSG_NOSIGNAL) < 0) return {};
    std::string answer;
    char piece[1024];
    for (ssize_t got; (got = ::recv(number_, piece, sizeof(piece), 0)) > 0;) {
      answer.append(piece, static_cast<size_t>(got));
    }
    return answer;
  }
  uint16_t port() {
    socklen_t size = sizeof(address_);
    ::getsockname(number_, reinterpret_cast<sockaddr*>(&address_), &size);
    return ntohs(address_.sin_port);
  }

 private:
  const sockaddr* address_of(uint16_t port) {
    address_ = {};
    address_.sin_family = AF_INET;
    address_.sin_port = htons(port);
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return reinterpret_cast<const sockaddr*>(&address_);
  }
  int number_;
  sockaddr_in address_{};
};

inline uint16_t free_port() {
  Socket socket;
  EXPECT_TRUE(socket.bind(0));
  return socket.port();
}

/// How many sockets of the machine listen on that port.
inline int listening_on(uint16_t port) {
  char wanted[8];
  std::snprintf(wanted, sizeof(wanted), ":%04X", port);
  std::ifstream table("/proc/net/tcp");
  int count = 0;
  for (std::string slot, local, remote, state, rest;
       table >> slot >> local >> remote >> state && std::getline(table, rest);) {
    count += local.ends_with(wanted) && state == "0A";
  }
  return count;
}

inline std::string listen_on(uint16_t port, const std::string& name = "a") {
  return "[listen." + name + "]\naddress = \"127.0.0.1:" + std::to_string(port) + "\"\n";
}

/// The text of a configuration with these workers; `more` follows.
inline std::string text_with(unsigned workers, const std::string& more) {
  return "sluice = 1\n[server]\nworkers = " + std::to_string(workers) + "\n" + more;
}

class ControlWorld : public Worker::Owner, public Upstreams::Owner, public Reload::Owner {
 public:
  ControlWorld() {
    file_ = testing::TempDir() + "sluice-control-" + std::to_string(getpid()) + ".toml";
    reload_ = std::make_unique<Reload>(
        Reload::Parts{loop_, mailbox_, process_, supervisor_, *upstreams_, graveyard_}, *this, file_);
  }
  ControlWorld(const ControlWorld&) = delete;
  virtual ~ControlWorld() {
    reload_.reset();
    supervisor_.stop();
    upstreams_.reset();
    resolver_.reset();
    mailbox_.close();
    std::filesystem::remove(file_);
  }

  Supervisor& supervisor() { return supervisor_; }
  Reload& reload() { return *reload_; }
  void write(const std::string& text) const { std::ofstream(file_) << text; }

  std::shared_ptr<const snapshot::Snapshot> built(const std::string& text) {
    auto loaded = snapshot::load_config_text("test.toml", text);
    EXPECT_FALSE(loaded.has_errors()) << loaded.issues_text();
    auto made = snapshot::build(std::move(loaded.config), nullptr, process_.registry);
    EXPECT_TRUE(made);
    return made ? *made : nullptr;
  }
  /// Puts it in force as the first one, and waits for every worker.
  bool start(const std::string& text) {
    write(text);
    auto prepared = reload_->prepare_first(built(text));
    if (!prepared) return false;
    {
      LoopTurn turn(loop_);
      reload_->start_first();
    }
    return until([this] { return !reload_->running(); });
  }
  void request(Reload::Waiter* waiter) {
    LoopTurn turn(loop_);
    reload_->request(waiter);
  }
  template <class Done>
  [[nodiscard]] bool until(Done done) {
    return loop_.until(done);
  }

  // What was heard, in order.
  std::vector<std::string> events;
  bool secrets = false;   // on_unchanged() finds others
  size_t acknowledged = 0;   // letters of workers, whatever the publication

 private:
  void on_worker_published(unsigned, uint64_t publication) override {
    mailbox_.post_work([this, publication] {
      ++acknowledged;
      if (reload_) reload_->on_worker_published(publication);
    });
  }
  void on_worker_drained(unsigned) override {}
  void on_worker_alive() override {}
  void on_endpoints(uint32_t, std::shared_ptr<const upstream::EndpointList>) override {}
  void on_reload_begun() override { events.push_back("begun"); }
  bool on_unchanged() override {
    events.push_back("read files");
    return secrets;
  }
  void on_published(std::shared_ptr<const snapshot::Snapshot>) override { events.push_back("published"); }
  void on_reload_ended(const ReloadReport& report) override {
    constexpr const char* kNames[] = {"applied", "unchanged", "refused"};
    events.push_back(kNames[static_cast<int>(report.result)]);
  }

  Process process_;
  net::TestLoop loop_;
  Mailbox mailbox_{loop_};
  std::unique_ptr<net::Resolver> resolver_ = *net::Resolver::make(loop_, {});
  Graveyard graveyard_;
  std::unique_ptr<Upstreams> upstreams_ =
      std::make_unique<Upstreams>(Upstreams::Parts{loop_, mailbox_, *resolver_, process_.registry}, *this, 1);
  Supervisor supervisor_{process_, *this};
  std::string file_;
  std::unique_ptr<Reload> reload_;
};

}  // namespace sluice::control

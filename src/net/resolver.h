// Names to addresses with their time to live: /etc/hosts, then DNS, by c-ares on the loop (libuv's
// own look-up shares four threads with file work). Holds no cache: the caller knows what to keep.
#pragma once

#include <uv.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/ip.h"
#include "base/result.h"
#include "loop/loop.h"
#include "loop/task.h"
#include "loop/timer.h"

struct ares_addrinfo;
struct ares_channeldata;

namespace sluice::net {

enum class AddressFamily : uint8_t { any, v4, v6 };

struct Resolved {
  std::vector<IpAddress> addresses;   // at least one, in the order of the answer
  /// Of the shortest-lived record; zero for /etc/hosts (look again as often as you like).
  std::chrono::seconds ttl{};
};

struct ResolverOptions {
  std::string servers{};                    // "10.0.0.2:53,[fd00::1]:53"; empty: /etc/resolv.conf
  std::chrono::milliseconds timeout{2'000};   // of the first try, doubled for each further one
  int tries = 3;
};

class Resolver final : Timer::Owner {
 public:
  class Answer {
   public:
    /// Once, from the ready list, never inside start(). The query may be destroyed or restarted here.
    /// errors: resolve_failed: there is no such name or it has no address, says the DNS; timeout: no
    /// server gave an answer (silent, refusing, SERVFAIL); bad_value: no host name; internal: rest
    virtual void on_resolved(Result<Resolved> result) = 0;

   protected:
    ~Answer() = default;
  };

  /// One question. Destroying it (or stop()) cancels the answer.
  class Query final : Task {
   public:
    explicit Query(Resolver& resolver);
    ~Query() { stop(); }
    /// `name` is a host name or an IP address.
    void start(std::string_view name, AddressFamily family, Answer& answer);
    void stop();
    bool active() const { return answer_ != nullptr; }

   private:
    friend class Resolver;
    struct Ticket {   // c-ares' own way back: lives until it calls, even without a query
      Query* query;
    };
    Next advance() override;
    void take(Result<Resolved> result);

    Resolver* resolver_;
    Answer* answer_ = nullptr;
    Ticket* ticket_ = nullptr;
    bool answered_ = false;   // result_ waits for advance()
    Result<Resolved> result_{Resolved{}};
  };

  /// errors: bad_value when `servers` cannot be read; internal when c-ares does not start
  static Result<std::unique_ptr<Resolver>> make(Loop& loop, const ResolverOptions& options);
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  /// Queries that are still active never get an answer.
  ~Resolver();

 private:
  struct Poll {   // lives until libuv has closed it
    uv_poll_t handle;
    Resolver* resolver;
    int socket;
    int events;
  };

  explicit Resolver(Loop& loop) : loop_(&loop) {}
  static void on_socket_state(void* self, int socket, int readable, int writable);
  static void on_poll(uv_poll_t* handle, int status, int events);
  static void on_answer(void* ticket, int status, int timeouts, ares_addrinfo* found);
  void on_timer(Timer& timer) override;
  void watch(int socket, int events);
  void unwatch(int socket);
  void process(int readable, int writable);
  void arm_timer();

  Loop* loop_;
  ares_channeldata* channel_ = nullptr;
  std::unordered_map<int, Poll*> polls_;
  Timer timer_;
};

}  // namespace sluice::net

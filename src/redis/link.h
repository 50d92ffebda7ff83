// One connection to one server: transport, login, and commands in a row with replies in the same order.
// Knows no time and no other connection: redis/node.h decides when to connect and when to give up.
#pragma once

#include <string>
#include <vector>

#include "loop/loop.h"
#include "net/tls.h"
#include "net/transport.h"
#include "redis/options.h"
#include "redis/reply_reader.h"
#include "redis/request.h"

namespace sluice::redis {

/// What is said before the first command.
struct Greeting {
  std::shared_ptr<const Logins> logins{};   // holds `login`
  const Login* login = nullptr;             // null: none
  uint32_t database = 0;
  bool as_master = false;   // a server that is no master will not do
};

struct LinkTarget {
  net::SocketAddress address;
  std::shared_ptr<const net::TlsClientContext> tls;   // null: plain
  std::string server_name;                            // with tls
};

class Link final : private net::Transport::Events, private Flushable {
 public:
  class Owner {
   public:
    /// Connected and greeted: commands may be sent.
    virtual void on_link_open() = 0;
    /// Not, or no longer: closed already. Requests in flight are told after this call.
    virtual void on_link_failed(const Error& why) = 0;

   protected:
    ~Owner() = default;
  };

  Link(Loop& loop, net::TlsIo& tls_io, Owner& owner)
      : loop_(&loop), tls_io_(&tls_io), owner_(&owner), reader_(loop.blocks()) {}
  Link(const Link&) = delete;
  ~Link() { CHECK(in_flight_.empty()); }

  /// on_link_open or on_link_failed comes later, never inside the call.
  /// errors: no socket could be made, or the server name is none
  Result<void> connect(const LinkTarget& target, const Greeting& greeting);
  /// needs: open()
  void send(Request& request);
  /// Closes; requests in flight are lost. The owner is not told. No effect when closed.
  void close(const Error& why);

  bool open() const { return open_; }
  bool idle() { return in_flight_.empty(); }
  /// Replies so far: has anything come since the last look?
  uint64_t replies() const { return replies_; }
  /// What the server said when it turned us away; empty when it said nothing.
  const std::string& complaint() const { return complaint_; }

 private:
  enum class Step : uint8_t { auth, select, ping, role };

  void on_open() override;
  void on_read(const Slice& bytes) override;
  void on_eof() override;
  void on_writable() override {}
  void on_write_failed(Error) override {}   // what Redis said before is still to be read; then on_failed or on_eof
  void on_failed(Error why) override { fail(why); }
  void flush() override;

  void greet();
  void log_in(const Login& login);
  void take(const Reply& reply);
  void take_step(const Reply& reply);
  bool step_done(Step step, const Reply& reply);
  void fail(Error why);
  void drop(Requests& gone);
  static void tell(Requests& gone, Error why);

  Loop* loop_;
  net::TlsIo* tls_io_;
  Owner* owner_;
  ReplyReader reader_;
  net::TransportPtr transport_;
  Greeting greeting_;
  std::vector<Step> steps_;   // of the greeting, not answered yet; the last one first
  Chain output_;
  Requests in_flight_;
  uint64_t replies_ = 0;
  uint32_t connection_ = 0;   // counts them: a callback may have closed the one that it came from
  bool open_ = false;
  bool skip_reply_ = false;   // of the ASKING in front of in_flight_'s first was read
  std::string complaint_;
};

}  // namespace sluice::redis

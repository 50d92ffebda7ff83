// One request of the gateway's own and its whole answer: key sets, discovery documents, token
// introspection, outside authorizers, health checks. Resolves, connects, speaks HTTP/1.1 or HTTP/2,
// within one deadline and a limit of bytes. Follows no redirect. Over a connection that was kept (fetch_keep.h) it is sent
// once more, on a new one, when that ends without a byte of an answer; else nothing is sent twice. Not for clients' requests:
// those go through a pool.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "http/message.h"
#include "loop/loop.h"
#include "net/address.h"
#include "net/resolver.h"
#include "net/tls_client_context.h"
#include "net/tls_io.h"

namespace sluice::upstream {

/// An absolute http or https URL, in parts.
struct FetchUrl {
  http::Scheme scheme = http::Scheme::https;
  std::string host;        // a name or an address, without brackets
  uint16_t port = 443;
  std::string authority;   // as in Host
  std::string path = "/";
  std::string query;
  bool has_query = false;

  /// No user information and no fragment. errors: what is wrong with it, static text
  static Result<FetchUrl> parse(std::string_view text);
  std::string text() const;
  /// This machine, by its address or as "localhost": nobody listens in between.
  bool is_loopback() const;
};

/// Whom to trust over https.
using FetchTrust = std::shared_ptr<const net::TlsClientContext>;

struct FetchRequest {
  FetchUrl url;
  http::Method method = http::Method::get;
  std::vector<std::pair<std::string, std::string>> headers;   // beside Host, Accept-Encoding and framing
  std::string body;
  FetchTrust tls;                                     // for https
  std::optional<net::SocketAddress> address{};        // where it goes; none: the URL's host is looked up
  std::string server_name{};                          // for TLS; empty: the URL's host
  http::Version version = http::Version::h1_1;        // or h2: by ALPN over TLS, from the first byte without
  Duration deadline = std::chrono::seconds(5);        // from start to the last byte
  size_t bytes_max = 1024 * 1024;                     // of the body of the answer
  std::vector<std::string> wanted;                    // names of fields and trailers that are asked for
};

struct FetchResponse {
  uint16_t status = 0;
  std::string content_type;
  std::string cache_control;
  std::vector<std::pair<std::string, std::string>> fields;   // of `wanted`, under the names that are there
  std::string body;
};

class FetchKeep;

/// What a loop lends.
struct FetchParts {
  Loop& loop;
  net::Resolver& resolver;
  net::TlsIo& tls_io;
  FetchKeep* keep = nullptr;   // null: a connection of its own for each request
};

class Fetch final : private net::Resolver::Answer, private Timer::Owner {
 public:
  class Waiter {
   public:
    /// Once, never inside start(). The Fetch may be destroyed or started again here. An answer of any
    /// status is one. errors: a line for the log
    virtual void on_fetched(Result<FetchResponse, std::string> result) = 0;

   protected:
    ~Waiter() = default;
  };

  explicit Fetch(const FetchParts& parts) : parts_(parts), query_(parts.resolver) {}
  Fetch(const Fetch&) = delete;
  ~Fetch() { stop(); }

  /// needs: not active
  void start(FetchRequest request, Waiter& waiter);
  /// The waiter hears nothing any more.
  void stop();
  bool active() const { return waiter_ != nullptr; }
  /// Opened since start(), or tried to be; none where a kept one served.
  unsigned connections() const { return connections_; }

 private:
  friend class FetchKeep;

  /// Addresses of one name that are tried within the deadline.
  static constexpr size_t kAddressesMax = 4;

  class Session;   // one connection; destroys itself when it is gone

  FetchKeep* keep() const { return request_.version == http::Version::h1_1 ? parts_.keep : nullptr; }
  void connect();
  void on_resolved(Result<net::Resolved> result) override;
  void on_timer(Timer&) override;
  void connect_next();
  void on_connect_failed(std::string why);
  /// A kept connection has ended before a byte of an answer.
  void on_kept_lost();
  void finish(Result<FetchResponse, std::string> result);

  FetchParts parts_;
  net::Resolver::Query query_;
  Timer timer_;
  FetchRequest request_;
  Waiter* waiter_ = nullptr;
  std::vector<net::SocketAddress> addresses_;
  size_t next_address_ = 0;
  unsigned connections_ = 0;
  Session* session_ = nullptr;
};

}  // namespace sluice::upstream

// The TLS context of one [tls.NAME] or upstream as its files are now. The keeper replaces it when they
// change; workers take the current one for each new connection, and connections keep theirs.
#pragma once

#include <atomic>
#include <cstdint>
#include <ctime>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/tls_client_context.h"
#include "net/tls_server_context.h"

namespace sluice::net {

/// What the keeper does with it (control/certificate_watch.h); its thread alone.
class WatchedTls {
 public:
  virtual ~WatchedTls() = default;

  /// "tls.site", "upstream.orders".
  virtual const std::string& name() const = 0;
  virtual std::vector<std::string> files() const = 0;
  /// Of the contents in force.
  virtual uint64_t fingerprint() const = 0;
  /// Puts these contents in force for what connects from now on.
  /// errors: they are broken, or hold a certificate that has expired where the one in force has not;
  /// what was in force stays
  virtual Result<void, TlsFault> replace(const TlsFiles& files, std::time_t now) = 0;
  virtual std::vector<TlsExpiry> expiries() const = 0;
  /// Null when it has none.
  virtual SharedTicketKeys* tickets() const = 0;
  /// Null when it has no revocation lists.
  virtual std::shared_ptr<const crypto::RevokedCertificates> revoked() const = 0;
};

template <class Context>
class SharedTls final : public WatchedTls {
 public:
  using Options = typename Context::Options;
  using Made = Result<std::shared_ptr<SharedTls>, TlsFault>;
  static Made load(std::string name, Options options);

  /// Any thread. cost: an uncontended mutex and a reference count, once per connection
  std::shared_ptr<const Context> current() const {
    std::lock_guard lock(mutex_);
    return current_;
  }
  /// Counts replacements: a connection of an earlier generation proves what is in force no more. Any
  /// thread; relaxed, because the number alone matters.
  uint32_t generation() const { return generation_.load(std::memory_order_relaxed); }
  const Options& options() const { return options_; }

  const std::string& name() const override { return name_; }
  std::vector<std::string> files() const override { return options_.files(); }
  uint64_t fingerprint() const override { return fingerprint_; }
  Result<void, TlsFault> replace(const TlsFiles& files, std::time_t now) override;
  std::vector<TlsExpiry> expiries() const override { return current()->expiries(); }
  SharedTicketKeys* tickets() const override;
  std::shared_ptr<const crypto::RevokedCertificates> revoked() const override;

 private:
  SharedTls(std::string name, Options options)
      : name_(std::move(name)), options_(std::move(options)) {}

  std::string name_;
  Options options_;
  uint64_t fingerprint_ = 0;
  std::atomic<uint32_t> generation_{0};
  mutable std::mutex mutex_;   // held for a copy or an exchange of the pointer, never more
  std::shared_ptr<const Context> current_;
};

using SharedServerTls = SharedTls<TlsServerContext>;
using SharedClientTls = SharedTls<TlsClientContext>;

}  // namespace sluice::net

#include "net/shared_tls.h"

#include <algorithm>
#include <type_traits>

namespace sluice::net {
namespace {

/// The first file of `next` that has expired and had not before.
const TlsExpiry* newly_expired(const std::vector<TlsExpiry>& before,
                               const std::vector<TlsExpiry>& next, std::time_t now) {
  for (const TlsExpiry& expiry : next) {
    if (expiry.at >= now) continue;
    auto old = std::find_if(before.begin(), before.end(),
                            [&](const TlsExpiry& other) { return other.file == expiry.file; });
    if (old != before.end() && old->at >= now) return &expiry;
  }
  return nullptr;
}

}  // namespace

template <class Context>
typename SharedTls<Context>::Made SharedTls<Context>::load(std::string name, Options options) {
  std::shared_ptr<SharedTls> made(new SharedTls(std::move(name), std::move(options)));
  auto files = TlsFiles::read(made->files());
  if (!files) return files.error();
  auto context = Context::make(made->options_, *files);
  if (!context) return context.error();
  made->current_ = *context;
  made->fingerprint_ = files->fingerprint();
  return made;
}

template <class Context>
Result<void, TlsFault> SharedTls<Context>::replace(const TlsFiles& files, std::time_t now) {
  auto next = Context::make(options_, files);
  if (!next) return next.error();
  if (const TlsExpiry* expired = newly_expired(current_->expiries(), (*next)->expiries(), now)) {
    return TlsFault{expired->file, "has expired, and what is in force has not"};
  }
  fingerprint_ = files.fingerprint();
  std::shared_ptr<const Context> old = *next;
  {
    std::lock_guard lock(mutex_);
    current_.swap(old);
  }
  generation_.fetch_add(1, std::memory_order_relaxed);
  return {};   // `old` goes here, outside of the lock
}

template <class Context>
SharedTicketKeys* SharedTls<Context>::tickets() const {
  if constexpr (std::is_same_v<Context, TlsServerContext>) return options_.tickets.get();
  return nullptr;
}

template <class Context>
std::shared_ptr<const crypto::RevokedCertificates> SharedTls<Context>::revoked() const {
  if constexpr (std::is_same_v<Context, TlsServerContext>) return current()->revoked();
  return nullptr;
}

template class SharedTls<TlsServerContext>;
template class SharedTls<TlsClientContext>;

}  // namespace sluice::net

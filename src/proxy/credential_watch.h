// Credentials of open sockets whose withdrawal shows only when somebody is asked: a Redis, an issuer. Each is asked about
// again, once for all the sockets of this worker that it opened, and those end when it has been taken back. Nobody can
// say: they stay.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "crypto/secret.h"
#include "policy/auth/authenticator.h"
#include "proxy/engine.h"

namespace sluice::proxy {

class Tunnel;

/// So often each is asked about: with kRecheckLook, twice, and the wait for an answer of Redis, within a second.
inline constexpr Duration kRecheckEvery = std::chrono::milliseconds(750);
/// So often it is looked whose turn it is, and answers of so long ago are new enough: a subject has many tokens.
inline constexpr Duration kRecheckLook = std::chrono::milliseconds(50);

class CredentialWatch final : private Task, private Timer::Owner {
 public:
  explicit CredentialWatch(Engine& engine);
  CredentialWatch(const CredentialWatch&) = delete;
  ~CredentialWatch();

  /// Watches what opened the socket for as long as it keeps what is given. gives: null where nobody needs to be asked
  std::unique_ptr<policy::Tenure> watch(Tunnel& tunnel, std::string_view authenticator,
                                        const policy::AcceptedCredential& credential);

 private:
  struct Watched;
  struct Hold;
  struct Source;

  Next advance() override;
  void on_timer(Timer&) override;
  const policy::Authenticator* find(std::string_view authenticator) const;
  void forget(Watched& watched);
  void give_up(Source& source);
  size_t budget(const Source& source, const policy::Authenticator* authenticator) const;
  void look(Source& source, const policy::Authenticator* authenticator, size_t budget);
  void recheck(Watched& watched, const policy::Authenticator* authenticator);
  policy::Call call_of(Watched& watched, Arena& arena);

  Engine* engine_;
  std::map<std::string, std::unique_ptr<Source>, std::less<>> sources_;   // by the name of the authenticator
  Timer timer_;
  bool looks_ = false;   // the timer has fired
};

}  // namespace sluice::proxy

// Finds out who asks, by the authenticators of a route: any one of them, or all.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "policy/auth/authenticator.h"

namespace sluice::policy {

class Authenticate final : public Policy {
 public:
  enum class Needs : uint8_t { any, all };
  enum class Credentials : uint8_t { removed, kept };   // on the way to the upstream
  using List = std::vector<std::shared_ptr<const Authenticator>>;

  Authenticate(List authenticators, Needs needs, Credentials credentials)
      : authenticators_(std::move(authenticators)), needs_(needs), credentials_(credentials) {}

  std::string_view name() const override { return "auth"; }
  std::string describe() const override;
  Wants wants() const override;
  /// Passes with call.identity() set: of the first that accepts, or of the first in the list when all must.
  Verdict on_request(Call& call) const override;
  /// A refusal of ours gets one WWW-Authenticate for each kind that would be accepted.
  void on_response(Call& call, http::Head& response) const override;
  void on_request_trailers(Call& call, http::Fields& trailers) const override;
  void on_end(Call& call) const override;

 private:
  Authenticator::Outcome any(Call& call) const;
  Authenticator::Outcome all(Call& call) const;

  List authenticators_;
  Needs needs_;
  Credentials credentials_;
};

}  // namespace sluice::policy

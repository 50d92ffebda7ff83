// type = "mtls": the certificate that a client showed in the TLS handshake, whose chain the listener has verified, belongs
// to a consumer.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "policy/auth/authenticator.h"
#include "policy/auth/certificate_table.h"

namespace sluice::policy {

class MtlsAuthenticator final : public Authenticator {
 public:
  MtlsAuthenticator(std::string name, std::shared_ptr<const CertificateTable> certificates)
      : name_(std::move(name)), certificates_(std::move(certificates)) {}

  std::string_view name() const override { return name_; }
  std::string describe() const override { return "mtls: certificate of a consumer"; }
  Outcome authenticate(Call& call) const override;
  /// HTTP has none for it: the handshake is over.
  std::string_view challenge(Arena&, const http::Problem*) const override { return {}; }
  void remove_credential(http::Head&, Arena&) const override {}

 private:
  std::string name_;
  std::shared_ptr<const CertificateTable> certificates_;
};

}  // namespace sluice::policy

// type = "mtls": the certificate that a client showed in the TLS handshake, whose chain the listener has verified, belongs
// to a consumer. A connection outlives the handshake: an end of the certificate, and a list that revokes it, count since.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "base/live.h"
#include "base/per_worker.h"
#include "crypto/revoked_certificates.h"
#include "policy/auth/authenticator.h"
#include "policy/auth/certificate_table.h"

namespace sluice::policy {

class MtlsAuthenticator final : public Authenticator {
 public:
  using LiveLists = Live<crypto::RevocationLists>;

  MtlsAuthenticator(std::string name, std::shared_ptr<const CertificateTable> certificates,
                    std::shared_ptr<const LiveLists> lists)
      : name_(std::move(name)), certificates_(std::move(certificates)), lists_(std::move(lists)) {}

  std::string_view name() const override { return name_; }
  std::string describe() const override { return "mtls: certificate of a consumer"; }
  Outcome authenticate(Call& call) const override;
  uint32_t revocation_generation() const override { return lists_->generation(); }
  bool revoked(const AcceptedCredential& credential) const override;
  /// HTTP has none for it: the handshake is over.
  std::string_view challenge(Arena&, const http::Problem*) const override { return {}; }
  void remove_credential(http::Head&, Arena&) const override {}

 private:
  std::string name_;
  std::shared_ptr<const CertificateTable> certificates_;
  std::shared_ptr<const LiveLists> lists_;
  PerWorker<LiveView<crypto::RevocationLists>> views_;
};

}  // namespace sluice::policy

#include "policy/auth/mtls.h"

#include "policy/auth/problems.h"

namespace sluice::policy {

Authenticator::Outcome MtlsAuthenticator::authenticate(Call& call) const {
  const crypto::ClientCertificate* certificate = call.client().certificate;
  if (certificate == nullptr) return Outcome::absent();
  std::optional<KeyTable::Found> found = certificates_->find(*certificate);
  if (!found) return Outcome::refused(kCertificateUnknown);
  // It was good at the handshake; a connection is kept for longer, and a session resumed.
  if (found->expires <= call.clock().wall()) return Outcome::refused(kCertificateExpired);
  if (crypto::revokes(views_.of(call.worker()).get(*lists_), certificate->ids)) return Outcome::refused(kCertificateRevoked);
  if (!found->allows(call.client().ip, call.worker())) return Outcome::refused(kCredentialAddress);
  Identity* identity = make_identity(call.arena(), *found);
  identity->method = "mtls";
  identity->authenticator = name_;
  identity->handle = call.arena().copy(certificate->ids);
  call.findings().identity = identity;
  return Outcome::accepted();
}

bool MtlsAuthenticator::revoked(const AcceptedCredential& credential) const {
  return crypto::revokes(*lists_->current(), credential.handle);
}

}  // namespace sluice::policy

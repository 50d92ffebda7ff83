// Client certificates that lists of revocation name, by their ids. Const once built.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "crypto/client_certificate.h"

namespace sluice::crypto {

class RevokedCertificates {
 public:
  explicit RevokedCertificates(std::vector<CertificateId> ids);
  /// `id`: the bytes of a CertificateId; no other text is among them. cost: a binary search
  bool contains(std::string_view id) const;
  size_t size() const { return ids_.size(); }

 private:
  std::vector<CertificateId> ids_;   // sorted, each once
};

/// Those of every [tls.NAME] that has a list.
using RevocationLists = std::vector<std::shared_ptr<const RevokedCertificates>>;

/// Whether one of them names one of these: ids, one after the other.
bool revokes(const RevocationLists& lists, std::string_view ids);

}  // namespace sluice::crypto

#include "crypto/revoked_certificates.h"

#include <algorithm>

namespace sluice::crypto {

RevokedCertificates::RevokedCertificates(std::vector<CertificateId> ids) : ids_(std::move(ids)) {
  std::ranges::sort(ids_, {}, view_of);
  ids_.erase(std::unique(ids_.begin(), ids_.end()), ids_.end());
  ids_.shrink_to_fit();
}

bool RevokedCertificates::contains(std::string_view id) const {
  return std::ranges::binary_search(ids_, id, {}, view_of);
}

bool revokes(const RevocationLists& lists, std::string_view ids) {
  for (; !ids.empty(); ids.remove_prefix(std::min(ids.size(), kCertificateIdBytes))) {
    std::string_view id = ids.substr(0, kCertificateIdBytes);
    if (std::ranges::any_of(lists, [id](const auto& list) { return list->contains(id); })) return true;
  }
  return false;
}

}  // namespace sluice::crypto

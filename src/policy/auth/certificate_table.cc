#include "policy/auth/certificate_table.h"

#include "policy/auth/key_store.h"

namespace sluice::policy {

CertificateTable::CertificateTable(const config::Sections<ConsumerConfig>& consumers, const IpLists& lists) {
  for (const auto& section : consumers) {
    if (section.value.certificates.empty()) continue;
    for (const CertificateName& name : section.value.certificates) {
      by_[static_cast<size_t>(name.kind)].try_emplace(name.text.value, holders_.size());
    }
    holders_.push_back({section.name, grants_of(section.value, lists)});
  }
}

const CertificateTable::Holder* CertificateTable::holder(const Index& index, const std::vector<std::string>& names) const {
  if (index.empty()) return nullptr;
  for (const std::string& name : names) {
    auto found = index.find(name);
    if (found != index.end()) return &holders_[found->second];
  }
  return nullptr;
}

std::optional<KeyTable::Found> CertificateTable::find(const crypto::ClientCertificate& certificate) const {
  using Kind = CertificateName::Kind;
  auto of = [this](Kind kind) -> const Index& { return by_[static_cast<size_t>(kind)]; };
  const Holder* found = nullptr;
  if (auto own = of(Kind::sha256).find(certificate.sha256); own != of(Kind::sha256).end()) found = &holders_[own->second];
  if (!found) found = holder(of(Kind::uri), certificate.uris);
  if (!found) found = holder(of(Kind::dns), certificate.dns_names);
  if (!found) found = holder(of(Kind::email), certificate.emails);
  if (auto own = of(Kind::subject).find(certificate.subject); !found && own != of(Kind::subject).end())
    found = &holders_[own->second];
  if (!found) return std::nullopt;
  return KeyTable::Found{found->consumer, certificate.sha256, found->grants, certificate.expires};
}

}  // namespace sluice::policy

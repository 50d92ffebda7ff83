// Client certificates of consumers: by what they say, who holds them and what they grant. Const once built.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/client_certificate.h"
#include "policy/auth/consumer_config.h"
#include "policy/auth/key_table.h"

namespace sluice::policy {

class CertificateTable {
 public:
  /// needs: `lists` has every list that they name (load_config checked it)
  CertificateTable(const config::Sections<ConsumerConfig>& consumers, const IpLists& lists);

  /// The most telling name decides: the certificate's own digest, then URI, DNS name, e-mail address, subject; among
  /// several of one kind the first in the certificate that anybody has.
  /// gives: the views within hold as long as the table and the certificate
  std::optional<KeyTable::Found> find(const crypto::ClientCertificate& certificate) const;

 private:
  struct Holder {
    std::string consumer;
    Grants grants;
  };
  using Index = std::map<std::string, size_t, std::less<>>;   // into holders_

  const Holder* holder(const Index& index, const std::vector<std::string>& names) const;

  std::vector<Holder> holders_;
  Index by_[kCertificateNameKinds];
};

}  // namespace sluice::policy

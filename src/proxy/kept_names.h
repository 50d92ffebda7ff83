// What the log says of a request when the request itself is gone, and by which its credentials are found again: its texts,
// copied into one piece of memory.
#pragma once

#include <memory>

#include "observe/access_record.h"
#include "observe/audit_log.h"
#include "policy/auth/authenticator.h"

namespace sluice::proxy {

class KeptNames {
 public:
  KeptNames() = default;
  /// `identity`: null: none
  KeptNames(const observe::AccessRecord& request, const observe::AuditRecord& audit, const policy::Identity* identity);
  /// Fills in what was kept; views of this object.
  void tell(observe::AccessRecord& request, observe::AuditRecord& audit) const;
  /// Calls visit(std::string_view authenticator, const policy::AcceptedCredential&) for each credential that was asked
  /// for, with views of this object.
  template <class Visit>
  void each_credential(Visit visit) const {
    observe::AccessRecord request;
    observe::AuditRecord audit;
    std::string_view handle;
    const char* at = read(request, audit, handle);
    if (audit.authenticator.empty()) return;
    visit(audit.authenticator, policy::AcceptedCredential{audit.credential, audit.subject, handle});
    for (auto left = static_cast<uint8_t>(*at++); left > 0; --left) {
      policy::AcceptedCredential other;
      std::string_view authenticator = read_other(at, other);
      visit(authenticator, other);
    }
  }

 private:
  const char* read(observe::AccessRecord& request, observe::AuditRecord& audit, std::string_view& handle) const;
  static std::string_view read_other(const char*& at, policy::AcceptedCredential& credential);

  // The sizes, then the texts. Then how many credentials there are beside the first, each four texts, each with its size.
  std::unique_ptr<char[]> memory_;
};

}  // namespace sluice::proxy

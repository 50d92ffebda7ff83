// What the log says of a request when the request itself is gone: its texts, copied into one piece of memory.
#pragma once

#include <memory>

#include "observe/access_record.h"
#include "observe/audit_log.h"

namespace sluice::proxy {

class KeptNames {
 public:
  KeptNames() = default;
  /// `handle`: of the identity
  KeptNames(const observe::AccessRecord& request, const observe::AuditRecord& audit, std::string_view handle);
  /// Fills in what was kept; views of this object. gives: the handle
  std::string_view tell(observe::AccessRecord& request, observe::AuditRecord& audit) const;

 private:
  std::unique_ptr<char[]> memory_;   // the sizes, then the texts
};

}  // namespace sluice::proxy

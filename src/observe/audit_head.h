// The head of an audit log, in a file of its own beside it: how far the chain has come. A tail that
// was cut off the log is found against it, and the next start goes on from it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "observe/audit_frame.h"

namespace sluice::observe {

struct AuditHead {
  AuditPoint point;
  bool closed = false;   // the log was ended in order: nothing is lost after it
};

/// gives: nothing when the text is not a head, or its check is not right under the key
std::optional<AuditHead> read_audit_head(std::string_view text, AuditSeal& seal);

/// The file, held by one process at a time.
class AuditHeadFile {
 public:
  /// Makes the file if there is none; what it says stays.
  /// errors: why it cannot be opened, "another process writes it" among them
  static Result<AuditHeadFile, std::string> open(const std::string& path);
  AuditHeadFile(AuditHeadFile&& other) noexcept : descriptor_(other.descriptor_) { other.descriptor_ = -1; }
  AuditHeadFile& operator=(AuditHeadFile&&) = delete;
  ~AuditHeadFile();

  /// What it holds; empty when it is new.
  std::string text() const;
  /// gives: whether it was written; cost: one system call
  bool write(const AuditHead& head, AuditSeal& seal);

 private:
  explicit AuditHeadFile(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace sluice::observe

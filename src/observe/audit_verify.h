// Verifies audit logs: every record's hash, that each follows the one before, and the head. Says
// where the chain does not hold. Written by: audit_chain.h.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "observe/audit_frame.h"

namespace sluice::observe {

/// What was found; a finding means that somebody, or an accident, changed the log.
struct AuditReport {
  static constexpr size_t kFindingsMax = 100;   // more are counted only

  std::vector<std::string> findings;   // "audit.log:17: record 16 was changed"
  uint64_t findings_count = 0;
  std::vector<std::string> notes;      // breaks that records name, and what could not be looked at
  uint64_t records = 0;
  AuditPoint last;

  bool good() const { return findings_count == 0; }
};

/// Reads files in the order in which they were written, each a part of one chain.
class AuditVerifier {
 public:
  /// `first`: the sequence number that the first record has to have
  AuditVerifier(const crypto::HmacKey* key, uint64_t first);

  /// errors: why the file cannot be read
  Result<void, std::string> add_file(const std::string& path);
  /// A file that is held in memory; `name` is for findings.
  void add_text(std::string name, std::string_view text);
  /// Without a head: empty. needs: `text` read before the files, which may grow meanwhile
  void check_head(std::string_view text, const std::string& path);
  const AuditReport& report();

 private:
  std::string_view add_lines(std::string_view text);
  void add_line(std::string_view line, bool whole);
  void add_record(const AuditFrame& frame);
  void check_order(const AuditFrame& frame);
  void settle_torn(size_t bytes);
  void find(uint64_t line, std::string text);
  void note(uint64_t line, std::string text);

  AuditSeal seal_;
  uint64_t first_;
  AuditReport report_;
  std::string file_;
  uint64_t line_ = 0;
  bool begun_ = false;
  struct Torn {
    size_t bytes = 0;       // 0: there is none
    uint64_t line = 0;
    std::string file;
    bool at_end = false;    // without a newline
  } torn_;                  // a line that is no record, until the next one tells whether a break is known there
};

}  // namespace sluice::observe

// The form of an audit record's ends: {"seq":N,"prev":"HASH",...,"hash":"HASH"}. Both hashes have a
// fixed place and width, so that the writer's thread fills them in where the line lies.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>

#include "crypto/digest.h"
#include "crypto/hmac.h"

namespace sluice::observe {

inline constexpr size_t kAuditHashBytes = 64;    // SHA-256 or HMAC-SHA-256, in hex
inline constexpr size_t kAuditSeqBytes = 16;     // decimal, spaces before it: more than 2^53 is not reached
inline constexpr std::string_view kAuditHead =   // without "{"
    "\"seq\":                ,\"prev\":\""
    "                                                                \"";
inline constexpr std::string_view kAuditTail =   // without "}\n"
    ",\"hash\":\"                                                                \"";
inline constexpr size_t kAuditSeqAt = 7;                                        // {"seq":
inline constexpr size_t kAuditPrevAt = kAuditSeqAt + kAuditSeqBytes + 9;        // ,"prev":"
inline constexpr size_t kAuditTextAt = kAuditPrevAt + kAuditHashBytes + 1;      // behind its quote
inline constexpr size_t kAuditTailBytes = kAuditTail.size() + 1;                // with "}"
inline constexpr size_t kAuditFrameBytes = kAuditTextAt + kAuditTailBytes;
static_assert(1 + kAuditHead.size() == kAuditTextAt);
static_assert(kAuditTail.size() == 9 + kAuditHashBytes + 1);

/// Where a chain has come to. The first record follows {0, 64 zeros}.
struct AuditPoint {
  uint64_t sequence = 0;
  char hash[kAuditHashBytes];

  AuditPoint() { std::memset(hash, '0', sizeof(hash)); }
  std::string_view hash_text() const { return {hash, sizeof(hash)}; }
  friend bool operator==(const AuditPoint& a, const AuditPoint& b) {
    return a.sequence == b.sequence && a.hash_text() == b.hash_text();
  }
};

/// Computes the hashes; one thread's.
class AuditSeal {
 public:
  /// `key`: null for plain SHA-256
  explicit AuditSeal(const crypto::HmacKey* key);
  /// Writes kAuditHashBytes of hex at `out`.
  void write(std::string_view text, char* out);

 private:
  std::optional<crypto::Hasher> hasher_;
  std::optional<crypto::Hmac> hmac_;
};

/// One line, read. Views into it.
struct AuditFrame {
  uint64_t sequence = 0;
  std::string_view prev;
  std::string_view sealed;   // what the hash is of
  std::string_view hash;
  std::string_view text;     // between the frame's ends, with its comma: ,"time":...
};
/// `line` has no newline. gives: nothing when it has not the form
std::optional<AuditFrame> read_audit_frame(std::string_view line);

/// Makes `line` (of the form, without its newline) the one after `point`, and moves that on to it.
void seal_audit_line(char* line, size_t size, AuditPoint& point, AuditSeal& seal);

}  // namespace sluice::observe

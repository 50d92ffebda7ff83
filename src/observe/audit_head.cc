#include "observe/audit_head.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace sluice::observe {
namespace {

// {"seq":N,"state":"open","hash":"HASH","check":"HASH"} and a newline, of one size always.
constexpr std::string_view kState = ",\"state\":\"";
constexpr std::string_view kOpen = "open\",  ";     // as wide as the other
constexpr std::string_view kClosed = "closed\",";
constexpr std::string_view kHash = "\"hash\":\"";
constexpr std::string_view kCheck = "\",\"check\":\"";
constexpr size_t kSealedBytes = kAuditSeqAt + kAuditSeqBytes + kState.size() + kClosed.size() + kHash.size() + kAuditHashBytes;
constexpr size_t kBytes = kSealedBytes + kCheck.size() + kAuditHashBytes + 3;   // "}\n
static_assert(kOpen.size() == kClosed.size());

std::string head_text(const AuditHead& head, AuditSeal& seal) {
  std::string digits = std::to_string(head.point.sequence);
  std::string out = "{\"seq\":" + std::string(kAuditSeqBytes - digits.size(), ' ') + digits;
  out.append(kState).append(head.closed ? kClosed : kOpen).append(kHash).append(head.point.hash_text());
  char check[kAuditHashBytes];
  seal.write(out, check);
  out.append(kCheck).append(check, sizeof(check)).append("\"}\n");
  return out;
}

}  // namespace

std::optional<AuditHead> read_audit_head(std::string_view text, AuditSeal& seal) {
  if (text.size() != kBytes) return std::nullopt;
  AuditHead head;
  size_t digits = text.find_first_not_of(' ', kAuditSeqAt);
  for (size_t i = digits; i < kAuditSeqAt + kAuditSeqBytes; ++i) {
    head.point.sequence = head.point.sequence * 10 + static_cast<unsigned char>(text[i] - '0');
  }
  head.closed = text.substr(kAuditSeqAt + kAuditSeqBytes + kState.size()).starts_with(kClosed);
  std::memcpy(head.point.hash, text.data() + kSealedBytes - kAuditHashBytes, kAuditHashBytes);
  // Written again it must be the same: that looks at every byte.
  if (std::to_string(head.point.sequence).size() > kAuditSeqBytes || head_text(head, seal) != text) return std::nullopt;
  return head;
}

Result<AuditHeadFile, std::string> AuditHeadFile::open(const std::string& path) {
  int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
  if (descriptor < 0) return "cannot open " + path + ": " + std::strerror(errno);
  AuditHeadFile file(descriptor);
  if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) return path + " is in use: another process writes this audit log";
  return file;
}

AuditHeadFile::~AuditHeadFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::string AuditHeadFile::text() const {
  char bytes[kBytes + 1];   // one more: a longer file is no head
  ssize_t got = pread(descriptor_, bytes, sizeof(bytes), 0);
  return {bytes, got > 0 ? static_cast<size_t>(got) : 0};
}

bool AuditHeadFile::write(const AuditHead& head, AuditSeal& seal) {
  std::string text = head_text(head, seal);
  bool whole = pwrite(descriptor_, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size());
  return whole && ftruncate(descriptor_, kBytes) == 0;   // what stood there may have been longer, and no head
}

}  // namespace sluice::observe

#include "observe/audit_frame.h"

namespace sluice::observe {
namespace {

void write_sequence(char* out, uint64_t sequence) {
  for (size_t i = kAuditSeqBytes; i-- > 0; sequence /= 10) {
    bool digit = sequence > 0 || i == kAuditSeqBytes - 1;
    out[i] = digit ? static_cast<char>('0' + sequence % 10) : ' ';
  }
}

std::optional<uint64_t> read_sequence(std::string_view text) {
  size_t at = text.find_first_not_of(' ');
  if (at == text.npos) return std::nullopt;
  uint64_t out = 0;
  for (char c : text.substr(at)) {
    if (c < '0' || c > '9') return std::nullopt;
    out = out * 10 + static_cast<uint64_t>(c - '0');
  }
  return out;
}

}  // namespace

AuditSeal::AuditSeal(const crypto::HmacKey* key) {
  if (key != nullptr) hmac_.emplace(*key);
  else hasher_.emplace(crypto::Digest(crypto::Hash::sha256));
}

void AuditSeal::write(std::string_view text, char* out) {
  constexpr char kDigits[] = "0123456789abcdef";
  unsigned char bytes[kAuditHashBytes / 2];
  if (hmac_) {
    hmac_->add(text);
    hmac_->finish(bytes);
  } else {
    hasher_->add(text);
    hasher_->finish(bytes);
  }
  for (unsigned char byte : bytes) {
    *out++ = kDigits[byte >> 4];
    *out++ = kDigits[byte & 15];
  }
}

std::optional<AuditFrame> read_audit_frame(std::string_view line) {
  if (line.size() < kAuditFrameBytes || !line.starts_with("{\"seq\":") || !line.ends_with("\"}")) return std::nullopt;
  if (line.substr(kAuditSeqAt + kAuditSeqBytes, 9) != ",\"prev\":\"" || line[kAuditTextAt - 1] != '"') return std::nullopt;
  size_t tail = line.size() - kAuditTailBytes;
  if (line.substr(tail, 9) != ",\"hash\":\"") return std::nullopt;
  auto sequence = read_sequence(line.substr(kAuditSeqAt, kAuditSeqBytes));
  if (!sequence) return std::nullopt;
  AuditFrame out;
  out.sequence = *sequence;
  out.prev = line.substr(kAuditPrevAt, kAuditHashBytes);
  out.sealed = line.substr(0, tail);
  out.hash = line.substr(tail + 9, kAuditHashBytes);
  out.text = line.substr(kAuditTextAt, tail - kAuditTextAt);
  return out;
}

void seal_audit_line(char* line, size_t size, AuditPoint& point, AuditSeal& seal) {
  write_sequence(line + kAuditSeqAt, ++point.sequence);
  std::memcpy(line + kAuditPrevAt, point.hash, kAuditHashBytes);
  size_t tail = size - kAuditTailBytes;
  seal.write({line, tail}, point.hash);
  std::memcpy(line + tail + 9, point.hash, kAuditHashBytes);
}

}  // namespace sluice::observe

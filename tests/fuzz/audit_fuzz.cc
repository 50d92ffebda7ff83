// What verifies audit logs, and what takes parts out of claims: any bytes as a log and its head, any change of a good
// log, any claim and pointer.
#include <string>

#include "fuzz.h"
#include "observe/audit_head.h"
#include "observe/audit_redact.h"
#include "observe/audit_verify.h"

using namespace sluice;
using namespace sluice::observe;

namespace {

std::string good_log(AuditSeal& seal) {
  AuditPoint point;
  std::string out;
  for (const char* event : {"request", "lost", "control", "request"}) {
    std::string line = "{" + std::string(kAuditHead) + ",\"event\":\"" + event + "\",\"records\":7" + std::string(kAuditTail) + "}";
    seal_audit_line(line.data(), line.size(), point, seal);
    out += line + "\n";
  }
  return out;
}

bool is_good(const crypto::HmacKey& key, std::string_view text) {
  AuditVerifier verifier(&key, 1);
  verifier.add_text("audit.log", text);
  return verifier.report().good();
}

/// `good` with a few bytes of it replaced, as the input says.
std::string changed(std::string good, std::string_view input) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(input[i]); };
  size_t at = (byte(0) * 256U + byte(1)) % (good.size() + 1);
  size_t removed = std::min<size_t>(byte(2), good.size() - at);
  return good.replace(at, removed, input.substr(3));
}

// Nothing but a tail left out, at the end of a record, goes unseen without a head.
void check_change(const crypto::HmacKey& key, std::string_view input) {
  AuditSeal seal(&key);
  const std::string good = good_log(seal);
  if (input.size() < 4) return;
  std::string bad = changed(good, input);
  bool tail_only = good.starts_with(bad) && (bad.empty() || bad.back() == '\n');
  CLAIM(is_good(key, bad) == tail_only);
}

// A head has one spelling, and its check is of all of it.
void check_head(const crypto::HmacKey& key, std::string_view input) {
  AuditSeal seal(&key);
  std::string good = "{\"seq\":               4,\"state\":\"open\",  \"hash\":\"" + std::string(kAuditHashBytes, 'a');
  char check[kAuditHashBytes];
  seal.write(good, check);
  good.append("\",\"check\":\"").append(check, sizeof(check)).append("\"}\n");
  CLAIM(read_audit_head(good, seal));
  if (input.size() < 4) return;
  std::string bad = changed(good, input);
  CLAIM(read_audit_head(bad, seal).has_value() == (bad == good));
}

void check_redaction(std::string_view input) {
  std::string_view pointer = input.substr(0, input.find('\n'));
  std::string_view claim = input.substr(std::min(input.size(), pointer.size() + 1));
  auto name = AuditRedaction::Name::parse(pointer);
  if (!name) return;
  std::string out, again;
  if (!redact_json(claim, name->inside, out)) return;
  CLAIM(redact_json(out, name->inside, again) || name->inside.empty());
  CLAIM(name->inside.empty() || again == out);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view input = text_of(data, size);
  static const crypto::HmacKey key(crypto::Hash::sha256, "fuzz");
  check_head(key, input);
  CLAIM(input.empty() || !is_good(key, input));
  check_change(key, input);
  check_redaction(input);
  return 0;
}

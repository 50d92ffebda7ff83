// `sluice audit verify`: does the chain of an audit log hold?
#include <cstdio>
#include <filesystem>
#include <optional>

#include "cli/commands.h"
#include "config/file_text.h"
#include "observe/audit_verify.h"
#include "snapshot/secrets.h"

namespace sluice::cli {
namespace {

constexpr int kChanged = 1;
constexpr int kNotVerified = 2;
constexpr size_t kHeadBytesMax = 4096;   // a head has 191; what is longer is none

int not_verified(const std::string& text) {
  std::fprintf(stderr, "sluice: %s\n", text.c_str());
  return kNotVerified;
}

bool exists(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

int print(const observe::AuditReport& report) {
  for (const std::string& note : report.notes) std::printf("note: %s\n", note.c_str());
  for (const std::string& finding : report.findings) std::printf("%s\n", finding.c_str());
  if (report.findings_count > report.findings.size()) {
    std::printf("and %zu more\n", static_cast<size_t>(report.findings_count - report.findings.size()));
  }
  auto records = static_cast<unsigned long long>(report.records);
  if (!report.good()) {
    std::printf("CHANGED: %llu records are good, %llu faults\n", records, static_cast<unsigned long long>(report.findings_count));
    return kChanged;
  }
  std::printf("good: %llu records up to %llu, hash %.*s\n", records, static_cast<unsigned long long>(report.last.sequence),
              static_cast<int>(observe::kAuditHashBytes), report.last.hash);
  return 0;
}

}  // namespace

int run_audit_verify(const AuditVerifyOptions& options) {
  std::optional<crypto::HmacKey> key;
  if (!options.key.empty()) {
    auto source = config::parse_secret_source(options.key);
    if (!source) return not_verified("--key is env:NAME, file:PATH or credential:NAME");
    auto secret = snapshot::read_secret(*source, config::process_environment);
    if (!secret) return not_verified(secret.error());
    key.emplace(crypto::Hash::sha256, secret->bytes());
  }
  // Before the log, which may grow meanwhile.
  std::string head_path = options.head.empty() ? options.files.back() + ".head" : options.head;
  std::optional<std::string> head;
  if (std::string why; !options.head.empty() || exists(head_path)) {
    head = config::read_file_text(head_path, kHeadBytesMax, why);
    if (!head) return not_verified("cannot read " + head_path + ": " + why);
  }
  observe::AuditVerifier verifier(key ? &*key : nullptr, options.from);
  for (const std::string& file : options.files) {
    if (auto read = verifier.add_file(file); !read) return not_verified(read.error());
  }
  if (head) verifier.check_head(*head, head_path);
  else std::printf("note: there is no %s: a tail that was cut off is not seen (--head)\n", head_path.c_str());
  return print(verifier.report());
}

}  // namespace sluice::cli

#include "observe/log_set.h"

#include <unistd.h>

#include <algorithm>

namespace sluice::observe {

void ErrorLog::write(std::string_view line) {
  if (std::shared_ptr<LogFile> file = this->file()) return file->write(line);
  [[maybe_unused]] ssize_t ignored = ::write(STDERR_FILENO, line.data(), line.size());
}

void ErrorLog::set_file(std::shared_ptr<LogFile> file) {
  std::lock_guard lock(mutex_);
  file_.swap(file);   // the old one is let go of after the lock: see LogWriter::open
}

std::shared_ptr<LogFile> ErrorLog::file() const {
  std::lock_guard lock(mutex_);
  return file_;
}

namespace {

std::string open_fault(std::string_view name, const std::string& path, std::error_code error) {
  bool unread = error == std::errc::no_such_device_or_address;
  return "log." + std::string(name) + ": cannot open " + path + ": " +
         (unread ? "a pipe that nobody reads, or a socket" : error.message());
}

}  // namespace

// An unchanged file goes on with the chain that it has; a new key begins a new file, as nobody could verify one that
// was written under two.
std::shared_ptr<const AuditLogTarget> LogSet::prepare_audit(const AuditConfig& config,
                                                            std::shared_ptr<const crypto::HmacKey> key,
                                                            std::vector<std::string>& faults) {
  AuditLogTarget target;
  target.config = config;
  target.redaction = AuditRedaction(config.redact);
  if (key != nullptr) target.key_check = key->code("");
  if (audit_ != nullptr && audit_->config.file.path == config.file.path) {
    if (audit_->key_check != target.key_check) faults.push_back("log.audit: another key needs another file than " + config.file.path);
    target.file = audit_->file;
    target.head = audit_->head;
    target.copies = audit_->copies;
    return std::make_shared<const AuditLogTarget>(std::move(target));
  }
  target.head = std::make_shared<SharedAuditHead>();
  target.copies = std::make_shared<Live<AuditCopies>>(std::make_shared<const AuditCopies>());
  auto chain = AuditChain::open({config.file.path, std::move(key), target.head, target.copies});
  if (!chain) {
    faults.push_back("log.audit: " + chain.error());
    return nullptr;
  }
  LogOptions options{.name = std::string(kAuditLogName), .path = config.file.path, .on_overflow = config.on_overflow,
                     .stage = *std::move(chain)};
  auto file = writer_.open(std::move(options));
  if (!file) {
    faults.push_back(open_fault(kAuditLogName, config.file.path, file.error()));
    return nullptr;
  }
  target.file = *std::move(file);
  return std::make_shared<const AuditLogTarget>(std::move(target));
}

Result<LogSet::Prepared, std::vector<std::string>> LogSet::prepare(const LogConfig& config, AuditParts audit) {
  std::vector<std::string> faults;
  auto open = [&](std::string_view name, const std::string& path, std::shared_ptr<LogFile> old) {
    if (old != nullptr && old->path() == path) return old;
    LogOptions options;
    options.name = name;
    options.path = path;
    auto file = writer_.open(std::move(options));
    if (file) return *file;
    faults.push_back(open_fault(name, path, file.error()));
    return std::shared_ptr<LogFile>();
  };
  Prepared out;
  out.level = config.error.level;
  out.error = open(kErrorLogName, config.error.file.path, error_.file());
  if (config.access) {
    const AccessLogConfig& wanted = *config.access;
    std::shared_ptr<LogFile> file =
        open(kAccessLogName, wanted.file.path, access_ ? access_->file : nullptr);
    AccessLogTarget target{file, wanted.format, wanted.query};
    bool same = access_ && access_->file == file && access_->format == target.format &&
                access_->query == target.query;
    out.access = same ? access_ : std::make_shared<const AccessLogTarget>(std::move(target));
  }
  if (config.audit) out.audit = prepare_audit(*config.audit, std::move(audit.key), faults);
  out.audit_copies = std::move(audit.copies);
  if (!faults.empty()) return faults;
  return out;
}

void LogSet::commit(Prepared prepared) {
  set_log_level(prepared.level);
  error_.set_file(std::move(prepared.error));
  set_log_sink(&error_);
  access_ = std::move(prepared.access);
  audit_ = std::move(prepared.audit);
  if (audit_ != nullptr) {
    audit_->file->set_on_overflow(audit_->config.on_overflow);
    audit_->copies->replace(std::make_shared<const AuditCopies>(std::move(prepared.audit_copies)));
  }
  writer_.reopen();
}

void LogSet::stop_blocking() {
  if (audit_ == nullptr) return;
  audit_->file->stop_blocking();
  auto copies = audit_->copies->current();
  for (const auto& copy : *copies) copy->stop_blocking();
}

void LogSet::stop(std::chrono::milliseconds patience) {
  set_log_sink(nullptr);
  writer_.stop(patience);
  if (audit_ != nullptr) audit_->copies->replace(std::make_shared<const AuditCopies>());
}

}  // namespace sluice::observe

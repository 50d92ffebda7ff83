#include "observe/audit_chain.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/log.h"

namespace sluice::observe {
namespace {

constexpr size_t kLastBytes = 192 * 1024;               // holds the last line: it fits a buffer of 64 KiB
constexpr std::chrono::minutes kLogHeadEvery{1};        // in the error log, while it moves

std::string last_bytes(const std::string& path) {
  std::string out;
  int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat facts {};
  if (file < 0) return out;
  if (fstat(file, &facts) == 0 && S_ISREG(facts.st_mode) && facts.st_size > 0) {
    auto size = static_cast<size_t>(facts.st_size);
    out.resize(std::min(size, kLastBytes));
    ssize_t got = pread(file, out.data(), out.size(), static_cast<off_t>(size - out.size()));
    out.resize(got > 0 ? static_cast<size_t>(got) : 0);
  }
  ::close(file);
  return out;
}

}  // namespace

/// What the file ends in.
struct AuditChain::LastLine {
  bool any = false;            // the file holds something
  bool open = false;           // it does not end in a newline
  size_t torn_bytes = 0;       // of a last line that is not whole
  std::optional<AuditPoint> point;

  static std::optional<AuditPoint> read(std::string_view line, AuditSeal& seal) {
    auto frame = read_audit_frame(line);
    char hash[kAuditHashBytes];
    if (!frame) return std::nullopt;
    seal.write(frame->sealed, hash);
    if (frame->hash != std::string_view(hash, sizeof(hash))) return std::nullopt;
    AuditPoint out;
    out.sequence = frame->sequence;
    std::memcpy(out.hash, hash, sizeof(hash));
    return out;
  }

  LastLine(std::string_view text, AuditSeal& seal) {
    any = !text.empty();
    open = any && text.back() != '\n';
    std::string_view rest = text.substr(0, text.size() - (any && !open));
    auto last_of = [](std::string_view lines) { return lines.substr(lines.rfind('\n') + 1); };   // npos + 1 is 0
    std::string_view line = last_of(rest);
    point = read(line, seal);
    if (point || !open) return;
    torn_bytes = line.size();
    rest.remove_suffix(std::min(rest.size(), line.size() + 1));
    any = !rest.empty();
    point = read(last_of(rest), seal);
  }
};

Result<std::unique_ptr<AuditChain>, std::string> AuditChain::open(Options options) {
  auto head = AuditHeadFile::open(options.path + ".head");
  if (!head) return head.error();
  std::string path = options.path;
  std::unique_ptr<AuditChain> chain(new AuditChain(std::move(options), std::move(*head)));
  LastLine last(last_bytes(path), chain->seal_);
  chain->begin(chain->head_.text(), last);
  chain->options_.shared->set(chain->point_);
  return chain;
}

AuditChain::AuditChain(Options options, AuditHeadFile head)
    : options_(std::move(options)), seal_(options_.key.get()), head_(std::move(head)) {}

void AuditChain::note(std::string_view reason) {
  if (!break_.empty()) return;
  reason_ = reason;
  break_.append(",\"reason\":\"").append(reason).append("\"");
}

// Where the log and its head agree the chain goes on as if nothing had been; otherwise a record says what is wrong.
void AuditChain::begin(std::string_view head_text, const LastLine& last) {
  std::optional<AuditHead> head = read_audit_head(head_text, seal_);
  line_open_ = last.open;
  if (head && (!last.point || head->point.sequence >= last.point->sequence)) point_ = head->point;
  else if (last.point) point_ = *last.point;
  if (last.any && !last.point) note("the last record is not right");
  if (!head && !head_text.empty()) note("the head is not right");
  if (!head && head_text.empty() && last.any) note("there is no head");
  if (head && last.point && last.point->sequence < head->point.sequence) {
    note("the log is shorter than its head says");
    break_ += ",\"missing_from\":" + std::to_string(last.point->sequence + 1) +
              ",\"missing_to\":" + std::to_string(head->point.sequence);
  } else if (head && last.point && last.point->sequence == head->point.sequence && !(*last.point == head->point)) {
    note("the last record is not the head's");
  }
  bool in_order = head && head->closed && !last.open && (!last.point || *last.point == head->point);
  bool fresh = !head && head_text.empty() && !last.any && !last.open;
  if (!in_order && !fresh) note("the log was not closed: what was not written yet is lost");
  if (last.torn_bytes > 0) break_ += ",\"torn_bytes\":" + std::to_string(last.torn_bytes);
}

void AuditChain::say(LogBuffer& buffer, uint64_t lost) {
  auto add = [&](std::string_view event, std::string_view members) {
    char time[TimeText::kBytes];
    time_.write(time, std::chrono::time_point_cast<WallTime::duration>(std::chrono::system_clock::now()));
    std::string line = "{" + std::string(kAuditHead) + ",\"event\":\"" + std::string(event) + "\",\"time\":\"" +
                       std::string(time, sizeof(time)) + "\"" + std::string(members) + std::string(kAuditTail) + "}";
    seal_audit_line(line.data(), line.size(), point_, seal_);
    line += '\n';
    std::memcpy(buffer.bytes.get() + buffer.size, line.data(), line.size());
    buffer.size += line.size();
    ++buffer.lines;
  };
  used_ = true;
  if (line_open_) buffer.bytes[buffer.size++] = '\n';   // what was torn stays on its own line
  line_open_ = false;
  if (!break_.empty()) {
    LOG(warn, "audit log has a break", kv("path", options_.path), kv("seq", point_.sequence + 1), kv("reason", reason_));
    add("break", break_);
  }
  break_.clear();
  if (lost > 0) add("lost", ",\"records\":" + std::to_string(lost));
}

void AuditChain::seal(LogBuffer& buffer) {
  used_ = true;
  char* line = buffer.bytes.get();
  char* end = line + buffer.size;
  while (line < end) {
    auto* newline = static_cast<char*>(std::memchr(line, '\n', static_cast<size_t>(end - line)));
    if (newline == nullptr) break;
    seal_audit_line(line, static_cast<size_t>(newline - line), point_, seal_);
    line = newline + 1;
  }
}

bool AuditChain::has_room() const {
  if (options_.copies == nullptr) return true;
  auto copies = options_.copies->current();
  return std::ranges::all_of(*copies, [](const auto& copy) { return copy->has_room(); });
}

void AuditChain::on_written(const LogBuffer& buffer) {
  if (options_.copies == nullptr) return;
  auto copies = options_.copies->current();
  for (const auto& copy : *copies) copy->take({buffer.bytes.get(), buffer.size}, buffer.lines);
}

void AuditChain::on_all_written() {
  options_.shared->set(point_);
  write_head(false);
  if (std::chrono::steady_clock::now() - logged_at_ >= kLogHeadEvery) log_head("written");
}

void AuditChain::on_closed() {
  if (!used_) return;
  write_head(true);
  log_head("closed");
}

void AuditChain::write_head(bool closed) {
  bool written = head_.write({point_, closed}, seal_);
  if (!written && !std::exchange(head_failed_, true)) {
    LOG(error, "audit log's head cannot be written", kv("path", options_.path));
  }
  if (written) head_failed_ = false;
}

void AuditChain::log_head(std::string_view why) {
  logged_at_ = std::chrono::steady_clock::now();
  LOG(info, "audit log head", kv("path", options_.path), kv("state", why), kv("seq", point_.sequence),
      kv("hash", point_.hash_text()));
}

}  // namespace sluice::observe

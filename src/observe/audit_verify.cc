#include "observe/audit_verify.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>

#include "observe/audit_head.h"

namespace sluice::observe {
namespace {

constexpr size_t kReadBytes = 4 * 1024 * 1024;        // few system calls, and still in a cache of level 3
constexpr std::string_view kBreak = ",\"event\":\"break\"";
constexpr std::string_view kLost = ",\"event\":\"lost\"";

/// Of a break's record: no client has a word in those.
uint64_t number_in(std::string_view text, std::string_view key) {
  size_t at = text.find(key);
  uint64_t out = 0;
  if (at == text.npos) return 0;
  std::from_chars(text.data() + at + key.size(), text.data() + text.size(), out);
  return out;
}

std::string reason_in(std::string_view text) {
  constexpr std::string_view kKey = "\"reason\":\"";
  size_t at = text.find(kKey);
  if (at == text.npos) return "no reason given";
  text.remove_prefix(at + kKey.size());
  return std::string(text.substr(0, text.find('"')));
}

std::string number(uint64_t value) { return std::to_string(value); }

}  // namespace

AuditVerifier::AuditVerifier(const crypto::HmacKey* key, uint64_t first) : seal_(key), first_(first) {}

Result<void, std::string> AuditVerifier::add_file(const std::string& path) {
  int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return "cannot open " + path + ": " + std::strerror(errno);
  posix_fadvise(file, 0, 0, POSIX_FADV_SEQUENTIAL);
  file_ = path;
  line_ = 0;
  auto buffer = std::make_unique_for_overwrite<char[]>(kReadBytes);   // not touched beyond what a file needs
  size_t held = 0;
  ssize_t got = 0;
  while ((got = ::read(file, buffer.get() + held, kReadBytes - held)) > 0) {
    std::string_view rest = add_lines({buffer.get(), held + static_cast<size_t>(got)});
    if (rest.size() > kReadBytes / 2) {   // no record is that long
      add_line(rest, true);
      rest = {};
    }
    held = rest.size();
    std::memmove(buffer.get(), rest.data(), held);
  }
  int error = errno;
  ::close(file);
  if (got < 0) return "cannot read " + path + ": " + std::strerror(error);
  if (held > 0) add_line({buffer.get(), held}, false);
  return {};
}

void AuditVerifier::add_text(std::string name, std::string_view text) {
  file_ = std::move(name);
  line_ = 0;
  std::string_view rest = add_lines(text);
  if (!rest.empty()) add_line(rest, false);
}

// gives: what comes after the last newline
std::string_view AuditVerifier::add_lines(std::string_view text) {
  for (size_t end; (end = text.find('\n')) != text.npos; text.remove_prefix(end + 1)) add_line(text.substr(0, end), true);
  return text;
}

void AuditVerifier::add_line(std::string_view line, bool whole) {
  ++line_;
  auto frame = read_audit_frame(line);
  char hash[kAuditHashBytes];
  if (frame) seal_.write(frame->sealed, hash);
  bool right = frame && frame->hash == std::string_view(hash, sizeof(hash));
  if (whole && right) return add_record(*frame);
  if (frame && whole) {
    settle_torn(0);
    find(line_, "record " + number(frame->sequence) + " was changed");
    // What follows is judged by what this one says of itself: then the next finding is another one.
    report_.last.sequence = begun_ ? report_.last.sequence + 1 : frame->sequence;
    std::memcpy(report_.last.hash, frame->hash.data(), kAuditHashBytes);
    begun_ = true;
    return;
  }
  settle_torn(0);
  torn_ = {line.size() + (line.empty() ? 1 : 0), line_, file_, !whole};
}

// Ends of lines that were torn are known where the record behind them says so.
void AuditVerifier::settle_torn(size_t bytes) {
  if (torn_.bytes == 0) return;
  Torn torn = std::exchange(torn_, {});
  if (torn.bytes == bytes) return;
  std::string what = torn.at_end ? "the file ends within a record" : "this line is no record";
  ++report_.findings_count;
  if (report_.findings.size() < AuditReport::kFindingsMax) {
    report_.findings.push_back(torn.file + ":" + number(torn.line) + ": " + what);
  }
}

void AuditVerifier::add_record(const AuditFrame& frame) {
  bool is_break = frame.text.starts_with(kBreak);
  bool follows = begun_ && frame.sequence == report_.last.sequence + 1 && frame.prev == report_.last.hash_text();
  // Rotation in the midst of a write: the new file has the whole record.
  bool again = torn_.at_end && torn_.file != file_ && line_ == 1 && follows;
  settle_torn(again ? torn_.bytes : is_break ? number_in(frame.text, "\"torn_bytes\":") : 0);
  if (!follows) check_order(frame);
  if (is_break) note(line_, "break: " + reason_in(frame.text));
  if (frame.text.starts_with(kLost)) {
    note(line_, "record " + number(frame.sequence) + " says that " + number(number_in(frame.text, "\"records\":")) + " were lost");
  }
  begun_ = true;
  ++report_.records;
  report_.last.sequence = frame.sequence;
  std::memcpy(report_.last.hash, frame.hash.data(), kAuditHashBytes);
}

void AuditVerifier::check_order(const AuditFrame& frame) {
  uint64_t expected = begun_ ? report_.last.sequence + 1 : first_;
  std::string name = "record " + number(frame.sequence);
  if (frame.sequence > expected) {
    std::string missing = frame.sequence - expected == 1 ? "record " + number(expected) + " is missing"
                                                          : "records " + number(expected) + " to " + number(frame.sequence - 1) + " are missing";
    find(line_, missing + " before " + name);
  } else if (frame.sequence < expected) {
    find(line_, name + " is not in its place: " + number(expected) + " is due");
  } else if (begun_) {
    find(line_, name + " does not follow the one before it");
  } else if (frame.sequence == 1 && frame.prev != AuditPoint().hash_text()) {
    find(line_, "record 1 does not begin a chain");
  }
}

void AuditVerifier::check_head(std::string_view text, const std::string& path) {
  settle_torn(0);
  auto head = read_audit_head(text, seal_);
  line_ = 0;
  if (!head) {
    ++report_.findings_count;
    report_.findings.push_back(path + ": is not a head, or of another key");
    return;
  }
  const AuditPoint& point = head->point;
  std::string names = path + ": the head names record " + number(point.sequence);
  std::string found;
  if (point.sequence > report_.last.sequence) found = names + ", the log ends at " + number(report_.last.sequence) + ": its tail is missing";
  else if (point.sequence == report_.last.sequence && !(point == report_.last)) found = names + ", which is another one in the log";
  else if (point.sequence < report_.last.sequence) report_.notes.push_back(names + ", the log goes on to " + number(report_.last.sequence));
  if (found.empty()) return;
  ++report_.findings_count;
  report_.findings.push_back(std::move(found));
}

const AuditReport& AuditVerifier::report() {
  settle_torn(0);
  return report_;
}

void AuditVerifier::find(uint64_t line, std::string text) {
  ++report_.findings_count;
  if (report_.findings.size() < AuditReport::kFindingsMax) report_.findings.push_back(file_ + ":" + number(line) + ": " + std::move(text));
}

void AuditVerifier::note(uint64_t line, std::string text) {
  if (report_.notes.size() < AuditReport::kFindingsMax) report_.notes.push_back(file_ + ":" + number(line) + ": " + std::move(text));
}

}  // namespace sluice::observe

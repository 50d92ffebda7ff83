#include "export/syslog_message.h"

#include <unistd.h>

#include <algorithm>

#include "observe/audit_frame.h"
#include "observe/time_text.h"

namespace sluice::exporting {
namespace {

constexpr std::string_view kTime = ",\"time\":\"";
constexpr std::string_view kDenied = "\",\"decision\":\"denied\"";
constexpr size_t kHostMax = 255;   // RFC 5424 section 6
constexpr int kWarning = 4, kNotice = 5, kInformational = 6;

/// What stands between the frame's beginning and what anybody else has a word in.
struct Opening {
  std::string_view event, time;
  bool denied = false;
};

Opening opening_of(std::string_view record) {
  Opening out;
  std::string_view text = record.substr(std::min(record.size(), observe::kAuditTextAt));
  constexpr std::string_view kEvent = ",\"event\":\"";
  if (!text.starts_with(kEvent)) return out;
  text.remove_prefix(kEvent.size());
  out.event = text.substr(0, text.find('"'));
  text.remove_prefix(std::min(text.size(), out.event.size() + 1));
  if (!text.starts_with(kTime) || text.size() < kTime.size() + observe::TimeText::kBytes) return out;
  if (text[kTime.size() + observe::TimeText::kBytes - 1] != 'Z') return out;
  out.time = text.substr(kTime.size(), observe::TimeText::kBytes);
  out.denied = text.substr(kTime.size() + out.time.size()).starts_with(kDenied);
  return out;
}

int severity_of(const Opening& opening) {
  if (opening.event == "break" || opening.event == "lost") return kWarning;
  return opening.denied || opening.event == "control" ? kNotice : kInformational;
}

}  // namespace

SyslogOrigin syslog_origin() {
  char name[kHostMax + 1] = {};
  std::string host = gethostname(name, kHostMax) == 0 ? name : "";
  bool printable = std::ranges::all_of(host, [](char c) { return c > ' ' && c < 0x7f; });
  return {host.empty() || !printable ? "-" : host, std::to_string(getpid())};
}

void append_syslog(std::string& out, std::string_view record, observe::SyslogFacility facility, const SyslogOrigin& origin) {
  Opening opening = opening_of(record);
  out.append("<").append(std::to_string(observe::facility_code(facility) * 8 + severity_of(opening))).append(">1 ");
  out.append(opening.time.empty() ? "-" : opening.time).append(" ").append(origin.host);
  out.append(" sluice ").append(origin.process).append(" audit - ").append(record);
}

}  // namespace sluice::exporting

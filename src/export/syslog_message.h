// An audit record as a syslog message (RFC 5424). Knows no sockets.
#pragma once

#include <string>
#include <string_view>

#include "observe/syslog_config.h"

namespace sluice::exporting {

/// What all messages of this process have in common.
struct SyslogOrigin {
  std::string host;      // "-" when it is not known
  std::string process;   // its id
};
SyslogOrigin syslog_origin();

/// Appends the message: the record is its text, its time and severity are the record's (denied and control actions:
/// notice; breaks and losses: warning; the rest: informational).
void append_syslog(std::string& out, std::string_view record, observe::SyslogFacility facility, const SyslogOrigin& origin);

}  // namespace sluice::exporting

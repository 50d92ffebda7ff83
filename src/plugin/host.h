// The gateway's side of the ABI: the functions that plugins call, and what they may do to one
// request.
#pragma once

#include <sluice/plugin.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "plugin/plugin_config.h"
#include "policy/policy.h"

namespace sluice::plugin {

// What a plugin may do in one call; beyond, the host answers SLUICE_LIMIT and does nothing.
inline constexpr uint32_t kChangesMax = 32;  // headers set or removed: above any real policy
inline constexpr size_t kCopiedBytesMax =
    16 * 1024;  // names and values set: half of a head's default limit
inline constexpr size_t kReplyBytesMax = 64 * 1024;   // a block of the body buffer
inline constexpr size_t kMemoryBytesMax = 16 * 1024;  // of one request
inline constexpr uint32_t kLogLinesMax = 4;           // a line per request is much already
inline constexpr size_t kLogBytesMax = 512;
inline constexpr size_t kWhyBytesMax = 512;

/// ABI 1.0. Lives as long as the process.
const sluice_host& host_table();

}  // namespace sluice::plugin

// The two opaque structs of the C header, as the gateway knows them.

struct sluice_setup {
  const sluice::config::Map<std::string>& settings;
  std::string why{};
};

struct sluice_request {
  sluice::policy::Call& call;
  sluice::http::Head* response;  // null within on_request()
  std::string_view plugin;       // the section's name, for the log
  sluice::policy::Reply* reply = nullptr;
  uint32_t changes = 0;
  uint32_t log_lines = 0;
  size_t copied_bytes = 0;
};

// [log.*]: the configuration of the logs. The logs themselves: access_log.h, audit_log.h, writer.h.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "base/log.h"
#include "config/types.h"
#include "observe/audit_config.h"
#include "observe/log_format.h"

namespace sluice::observe {

/// Where lines go: "-" or "stdout", "stderr", or a file.
struct LogFileName {
  std::string path;  // names resolved: "stdout", "stderr", or the file's path
  config::Position at{};
  bool is_stdout() const { return path == "stdout"; }
  bool is_stderr() const { return path == "stderr"; }
};

struct AccessLogConfig {
  LogFormat format;
  LogFileName file{"stdout"};
  bool query = false;
};

struct ErrorLogConfig {
  LogLevel level = LogLevel::info;
  LogFileName file{"stderr"};
};

struct LogConfig {
  std::optional<AccessLogConfig> access;  // not set: no access log
  ErrorLogConfig error;
  std::optional<AuditConfig> audit;       // not set: no audit log
};

std::span<const config::Field> config_fields(const AccessLogConfig*);
std::span<const config::Field> config_fields(const ErrorLogConfig*);
std::span<const config::Field> config_fields(const LogConfig*);

}  // namespace sluice::observe

namespace sluice::config {

template <>
struct Choices<LogLevel> {
  static constexpr std::string_view names[] = {"debug", "info", "warn", "error"};
};

template <>
struct TypeOf<observe::LogFileName> {
  static void read(Reader& reader, const Value& value, const Field& field, void* out);
  static void print(const void* object, std::string& out);
  static constexpr Type type{.form = Type::Form::text,
                             .noun = "\"stdout\", \"stderr\" or a file",
                             .read = &read,
                             .print = &print};
};

}  // namespace sluice::config

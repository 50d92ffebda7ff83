// The form of an access log's lines: JSON, or a template of facts ("common" and "combined" are
// templates). The vocabulary is checked when the configuration is read. Filling it in: log_line.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/scalars.h"

namespace sluice::observe {

/// Header fields that no log may have: a log is read by more people than may know what they hold.
bool may_hold_credentials(std::string_view header_name);

/// What a template can name. The names are those of the JSON line, and some more.
enum class LogFact : uint8_t {
  none,   // nothing follows the literal
  ip, time, time_clf, request_id, trace_id, listener, method, authority, host, path, query,
  query_suffix,   // "?" and the query where queries are written: the end of {request}
  version, tls, status, grpc_status, request_bytes, response_bytes, duration_us, upstream_us, route, upstream,
  endpoint, retries, problem, aborted, closed, close_code, user_agent, referer,
  header_named, path_named, query_named,
};

struct LogPart {
  std::string literal;   // comes first
  LogFact fact = LogFact::none;
  std::string name;      // of a header, path parameter or query parameter
  bool quoted = false;   // between double quotes: a space in the value cannot end a column
};

class LogFormat {
 public:
  static constexpr size_t kTextBytesMax = 4096;   // of a template as written
  static constexpr size_t kPartsMax = 33;         // {request} is four of them

  /// JSON.
  LogFormat() = default;
  /// "json", "common", "combined", or a template.
  static Result<LogFormat, config::TextError> parse(std::string_view text);

  bool is_json() const { return parts_.empty(); }
  const std::vector<LogPart>& parts() const { return parts_; }
  size_t literal_bytes() const { return literal_bytes_; }
  /// As written.
  const std::string& text() const { return text_; }

  friend bool operator==(const LogFormat& a, const LogFormat& b) { return a.text_ == b.text_; }

 private:
  std::string text_ = "json";
  std::vector<LogPart> parts_;
  size_t literal_bytes_ = 0;
};

}  // namespace sluice::observe

namespace sluice::config {

template <>
struct TextForm<observe::LogFormat> {
  static constexpr std::string_view noun =
      "\"json\", \"common\", \"combined\" or a template such as \"{ip} {method} {status}\"";
  static Result<observe::LogFormat, TextError> parse(std::string_view text) {
    return observe::LogFormat::parse(text);
  }
  static std::string print(const observe::LogFormat& value) { return value.text(); }
};

}  // namespace sluice::config

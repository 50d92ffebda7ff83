#include "observe/log_config.h"

namespace sluice::observe {

using config::field;
using config::Field;

namespace {

constexpr Field kAccessFields[] = {
    field<&AccessLogConfig::format>(
        {.name = "format",
         .about = "The form of a line: \"json\", \"common\", \"combined\", or a template of facts "
                  "(docs/logging.md).",
         .reason = "machines read it, and people with jq",
         .example = "\"{time} {ip} {method} {path} {status} {duration_us}\""}),
    field<&AccessLogConfig::file>(
        {.name = "file",
         .about = "Where lines go: \"stdout\" (or \"-\"), \"stderr\", or a file.",
         .reason = "the service manager keeps it",
         .example = "\"/var/log/sluice/access.log\"",
         .instead_of = "path output"}),
    field<&AccessLogConfig::query>({.name = "query",
                                    .about = "Write the query string too.",
                                    .reason = "queries carry tokens and names of persons"}),
};

constexpr Field kErrorFields[] = {
    field<&ErrorLogConfig::level>(
        {.name = "level",
         .about = "The least severe event that is written.",
         .reason = "starts, reloads and everything that needs attention"}),
    field<&ErrorLogConfig::file>(
        {.name = "file",
         .about = "Where lines go: \"stdout\" (or \"-\"), \"stderr\", or a file.",
         .reason = "the service manager keeps it",
         .example = "\"/var/log/sluice/error.log\"",
         .instead_of = "path output"}),
};

constexpr Field kLogFields[] = {
    field<&LogConfig::access>(
        {.name = "access",
         .about = "The access log: one line a request. Without this table there is none."}),
    field<&LogConfig::error>(
        {.name = "error", .about = "The error log: what the gateway itself has to say."}),
    field<&LogConfig::audit>(
        {.name = "audit",
         .about = "The audit log: a chained record for each request that was authenticated or denied. Without this table "
                  "there is none."}),
};

}  // namespace

std::span<const Field> config_fields(const AccessLogConfig*) {
  return kAccessFields;
}
std::span<const Field> config_fields(const ErrorLogConfig*) {
  return kErrorFields;
}
std::span<const Field> config_fields(const LogConfig*) {
  return kLogFields;
}

}  // namespace sluice::observe

namespace sluice::config {

void TypeOf<observe::LogFileName>::read(Reader& reader, const Value& value, const Field& field,
                                        void* out) {
  auto& name = *static_cast<observe::LogFileName*>(out);
  FilePath file;
  TypeOf<FilePath>::read(reader, value, field, &file);
  bool stream = value.text == "stdout" || value.text == "stderr";
  name.path = value.text == "-" ? "stdout" : stream ? value.text : file.path;
  name.at = file.at;
}

void TypeOf<observe::LogFileName>::print(const void* object, std::string& out) {
  out += toml_string(static_cast<const observe::LogFileName*>(object)->path);
}

}  // namespace sluice::config

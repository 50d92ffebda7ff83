#include "observe/audit_config.h"

#include "observe/audit_redact.h"
#include "observe/log_format.h"

namespace sluice::observe {

using config::field;
using config::Field;
using config::IssueKind;

namespace {

constexpr IssueKind kAuditRedact{"audit_redact"};
constexpr IssueKind kAuditHeader{"audit_header"};
constexpr IssueKind kAuditList{"audit_list"};

constexpr Field kRedisStreamFields[] = {
    field<&RedisStreamConfig::store>({.name = "store",
                                      .about = "The [redis.NAME] that has the stream.",
                                      .example = "\"main\"",
                                      .need = config::Need::required}),
    field<&RedisStreamConfig::stream>({.name = "stream",
                                       .about = "The stream's key. Each entry has one field, `record`, the line as it is in the file.",
                                       .reason = "tells what it is, and is one node's in a cluster",
                                       .example = "\"audit:{gateways}\""}),
    field<&RedisStreamConfig::length_max>({.name = "length_max",
                                           .about = "Entries that the stream keeps, roughly; older ones go.",
                                           .reason = "some 700 MB; the file has all of them",
                                           .range = {1, 1'000'000'000'000}}),
};

constexpr Field kAuditFields[] = {
    field<&AuditConfig::file>(
        {.name = "file",
         .about = "The file that records are appended to. Beside it, with \".head\" behind its name, stands how far the "
                  "chain has come.",
         .example = "\"/var/log/sluice/audit.log\"",
         .need = config::Need::required}),
    field<&AuditConfig::key>(
        {.name = "key",
         .about = "The key of the chain: with it (HMAC-SHA-256) nobody without the key can change the log unseen. Without it "
                  "(SHA-256) the chain finds accidents.",
         .example = "{ secret = \"file:/etc/sluice/audit.key\" }"}),
    field<&AuditConfig::on_overflow>(
        {.name = "on_overflow",
         .about = "When the disk does not follow: \"count\" drops records, counts them and says so in the log; \"block\" "
                  "holds up the requests until there is room. The same for syslog and Redis, each on its own.",
         .reason = "a full disk stops no request"}),
    field<&AuditConfig::syslog>(
        {.name = "syslog", .about = "Sends each record to a syslog server too (RFC 5424). Without this table none is sent."}),
    field<&AuditConfig::redis>(
        {.name = "redis", .about = "Adds each record to a Redis stream too. Without this table none is added."}),
    field<&AuditConfig::query>({.name = "query",
                                .about = "Parameters of the query whose values are written.",
                                .reason = "queries carry tokens and names of persons",
                                .example = "[\"page\", \"account\"]"}),
    field<&AuditConfig::headers>({.name = "headers",
                                  .about = "Header fields of the request that are written. Those that hold credentials are refused.",
                                  .reason = "only what is asked for",
                                  .example = "[\"X-Reason\"]"}),
    field<&AuditConfig::claims>({.name = "claims",
                                 .about = "Claims of the identity that are written.",
                                 .reason = "only what is asked for",
                                 .example = "[\"tenant\"]"}),
    field<&AuditConfig::redact>({.name = "redact",
                                 .about = "What is written as \"***\": \"subject\", \"client_ip\", a value by its name (\"path.NAME\", "
                                          "\"query.NAME\", \"header.NAME\", \"claim.NAME\"), or a part of a claim by a JSON pointer into "
                                          "the claims.",
                                 .reason = "an audit log says who did what",
                                 .example = "[\"path.token\", \"/address/street\"]"}),
};

}  // namespace

std::span<const Field> config_fields(const RedisStreamConfig*) {
  return kRedisStreamFields;
}
std::span<const Field> config_fields(const AuditConfig*) {
  return kAuditFields;
}

void config_check(const AuditConfig& audit, const config::Value& table, config::Reader& reader) {
  auto add = [&](const IssueKind& kind, const char* key, std::string text) {
    const config::Entry* entry = table.find(key);
    reader.issues().add(kind, entry ? entry->value.at : table.at, std::move(text));
  };
  for (auto [name, list] : {std::pair{"query", &audit.query}, {"headers", &audit.headers}, {"claims", &audit.claims},
                            {"redact", &audit.redact}}) {
    if (list->size() <= AuditConfig::kListMax) continue;
    add(kAuditList, name, config::quoted(name) + " has at most " + std::to_string(AuditConfig::kListMax) + " names");
  }
  for (const std::string& name : audit.headers) {
    if (may_hold_credentials(name)) add(kAuditHeader, "headers", config::quoted(name) + " holds credentials: no log may have it");
  }
  for (const std::string& name : audit.redact) {
    if (AuditRedaction::Name::parse(name)) continue;
    add(kAuditRedact, "redact", config::quoted(name) + " is not \"subject\", \"client_ip\", \"path.NAME\", \"query.NAME\", "
                                "\"header.NAME\", \"claim.NAME\" or a JSON pointer into the claims such as \"/address/street\"");
  }
}

}  // namespace sluice::observe

// What logs write by name, against where credentials stand.
#include <algorithm>

#include "base/text.h"
#include "config/suggest.h"
#include "http/fields.h"
#include "snapshot/config_check.h"
#include "snapshot/config_names.h"

namespace sluice::snapshot {

using config::Document;
using config::IssueKind;
using config::quoted;

namespace {

constexpr IssueKind kCredentialLogged{"credential_logged"};

/// The fields and the query parameter that hold credentials of this kind; an empty name: none does.
struct CredentialPlaces {
  std::vector<std::string> headers;
  std::string query;
};
CredentialPlaces credential_places(const policy::AuthConfig& auth) {
  CredentialPlaces places;
  if (auth.type == policy::AuthType::signature) {
    bool aws = auth.signature.scheme == policy::SignatureKind::sigv4;
    return {{aws ? "Authorization" : "Signature"}, auth.signature.presigned ? "X-Amz-Signature" : ""};
  }
  if (auth.type != policy::AuthType::ticket) places.headers.emplace_back(auth.header_name());
  if (!auth.subprotocol.empty()) places.headers.emplace_back(http::field_name(http::FieldId::sec_websocket_protocol));
  places.query = auth.query;
  return places;
}

/// What a log writes by name.
struct Written {
  std::string log;
  std::vector<std::string> headers;
  std::vector<std::string> query;
};

std::vector<Written> written_by(const observe::LogConfig& log) {
  std::vector<Written> all;
  if (log.audit) all.push_back({"log.audit", log.audit->headers, log.audit->query});
  if (!log.access) return all;
  Written& access = all.emplace_back(Written{"log.access", {}, {}});
  for (const observe::LogPart& part : log.access->format.parts()) {
    if (part.fact == observe::LogFact::header_named) access.headers.push_back(part.name);
    if (part.fact == observe::LogFact::query_named) access.query.push_back(part.name);
  }
  return all;
}

}  // namespace

// Mostly a credential has left the request before a log sees it; a request that ends early, or keeps it, still has it.
void check_logs(const Config& config, Document& document) {
  const auto& audit = config.log.audit;
  if (audit && audit->redis) resolve("redis", audit->redis->store.name, audit->redis->store.at, config.redis, document);
  auto listed = [](const std::vector<std::string>& names, auto same) { return std::any_of(names.begin(), names.end(), same); };
  std::vector<Written> logs = written_by(config.log);
  for (const auto& auth : config.auth) {
    if (auth.value.type == policy::AuthType::mtls) continue;
    CredentialPlaces places = credential_places(auth.value);
    for (const Written& log : logs) {
      auto refuse = [&](const std::string& place) {
        document.issues.add(kCredentialLogged, auth.at, quoted(place) + " holds the credentials of [auth." + auth.name + "]: [" +
                                                            log.log + "] must not write it");
      };
      for (const std::string& header : places.headers) {
        if (listed(log.headers, [&](const std::string& name) { return equals_ignore_case(name, header); })) refuse(header);
      }
      const std::string& query = places.query;
      if (!query.empty() && listed(log.query, [&](const std::string& name) { return name == query; })) refuse(query);
    }
  }
}

}  // namespace sluice::snapshot

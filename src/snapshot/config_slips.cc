// What can be served as it stands, and is most likely not what was meant: warnings.
#include <algorithm>

#include "snapshot/conceal.h"
#include "snapshot/config_check.h"

namespace sluice::snapshot {

using config::Document;
using config::IssueKind;
using config::quoted;
using config::Severity;

namespace {

constexpr IssueKind kNoRoute{"no_route", Severity::warning};
constexpr IssueKind kEverybodyTrusted{"everybody_trusted", Severity::warning};
constexpr IssueKind kColonInPath{"path_with_colon", Severity::warning};
constexpr IssueKind kFactWithoutAuth{"fact_without_auth", Severity::warning};
constexpr IssueKind kCredentialInFile{"credential_in_file", Severity::warning};
constexpr IssueKind kWrittenAfter{"header_written_after", Severity::warning};

// As other gateways write a parameter.
void check_colon(const RouteSection& route, Document& document) {
  const auto& path = route.route.match.path;
  for (const route::Pattern::Segment& segment : path.value.segments()) {
    bool colon = segment.kind == route::Pattern::Kind::literal && segment.text.size() > 1 && segment.text[0] == ':';
    if (!colon) continue;
    document.issues.add(kColonInPath, path.at, quoted(segment.text) + " is taken as it is written").note =
        "a parameter is written {" + segment.text.substr(1) + "}";
  }
}

bool is_of_identity(const config::Fact& fact) {
  using Kind = config::Fact::Kind;
  return fact.kind == Kind::identity || fact.kind == Kind::consumer || fact.kind == Kind::claim;
}

void check_identity(const policy::HeaderRules& rules, Document& document) {
  for (const auto* items : {&rules.set, &rules.add}) {
    for (const HeaderItem& item : *items) {
      const auto& parts = item.value.value.parts;
      auto found = std::find_if(parts.begin(), parts.end(),
                                [](const config::TemplatePart& part) { return part.has_fact && is_of_identity(part.fact); });
      if (found == parts.end()) continue;
      document.issues.add(kFactWithoutAuth, item.value.at,
                          quoted(item.name) + " is never set: nobody is authenticated here, so there is no {" +
                              config::print_fact(found->fact) + "}").note = "a route says with auth = [...] who may ask";
    }
  }
}

// What prepare_upstream_request() does to fields that rules have set, added or removed.
void check_written_after(const policy::HeaderRules& rules, bool trusts_nobody, Document& document) {
  using http::FieldId;
  auto warn = [&](std::string_view name, config::Position at, std::string_view why, std::string_view note) {
    document.issues.add(kWrittenAfter, at, quoted(name) + std::string(why) + ": this rule changes nothing").note = note;
  };
  auto check = [&](std::string_view name, config::Position at) {
    constexpr std::string_view kWritten = " is written by the gateway, after the rules";
    FieldId id = http::field_id(name);
    bool kept = id == FieldId::forwarded || id == FieldId::x_forwarded_for || id == FieldId::x_forwarded_host;
    if (id == FieldId::x_request_id) {
      warn(name, at, kWritten, "each request has an id of its own, or that of its trusted proxy");
    } else if (id == FieldId::x_forwarded_proto || (kept && trusts_nobody)) {
      warn(name, at, kWritten, "it says who asked, and how; trusted_proxies says which balancers are believed about that");
    }
  };
  for (const HeaderItem& item : rules.set) check(item.name, item.at);
  for (const auto& name : rules.remove) check(name.value, name.at);
  for (const HeaderItem& item : rules.add) {
    FieldId id = http::field_id(item.name);
    check(item.name, item.at);
    if (trusts_nobody && (id == FieldId::x_real_ip || id == FieldId::x_forwarded_port))
      warn(item.name, item.at, " is removed, after the rules", "write it in `set`, which replaces the client's own");
  }
}

// A range of all addresses lets everybody name his own.
void check_trusted(const Config& config, Document& document) {
  auto all = std::find_if(config.trusted_proxies.begin(), config.trusted_proxies.end(),
                          [](const Cidr& range) { return range.prefix() == 0 && range != Cidr{}; });
  const config::Entry* given = document.root.find("trusted_proxies");
  if (all == config.trusted_proxies.end() || given == nullptr) return;
  size_t index = static_cast<size_t>(all - config.trusted_proxies.begin());
  const auto& items = given->value.items;
  document.issues.add(kEverybodyTrusted, index < items.size() ? items[index].at : given->value.at,
                      quoted(all->to_string()) + " is everybody: any client may claim any address").note =
      "trusted_proxies are the balancers before this gateway alone";
}

// Filled in from the environment it does not stand in the file.
bool stands_in_file(config::Position at, const Document& document) {
  return document.sources.line(at).find("${") == std::string_view::npos;
}

void check_credentials(const Config& config, Document& document) {
  each_header_item(config, [&](const HeaderItem& item) {
    if (!holds_credential(item)) return;
    document.issues.conceal(item.value.at);
    if (!stands_in_file(item.value.at, document)) return;
    config::Issue& issue = document.issues.add(
        kCredentialInFile, item.value.at, quoted(item.name) + " holds a credential, which stands in the file itself");
    issue.note = "${NAME} in the value takes it from the environment";
    issue.concealed = true;
  });
}

}  // namespace

void check_slips(const Config& config, Document& document) {
  check_credentials(config, document);
  if (!document.complete) return;   // what is missing may stand in a file that could not be read
  check_trusted(config, document);
  for (const auto& route : config.route) {
    if (!route.sound) continue;
    check_colon(route.value, document);
    check_written_after(route.value.headers.request, config.trusted_proxies.empty(), document);
    if (!route.value.auth.names.empty()) continue;
    check_identity(route.value.headers.request, document);
    check_identity(route.value.headers.response, document);
  }
  bool serves = std::any_of(config.listen.begin(), config.listen.end(),
                            [](const auto& listen) { return listen.value.redirect.listen.empty(); });
  // Nor is it looked for among errors.
  if (!serves || !config.route.empty() || document.issues.count(Severity::error) > 0) return;
  document.issues.add(kNoRoute, {}, "there is no [route.NAME]: every request gets 404");
}

}  // namespace sluice::snapshot

#include "admin/pages.h"

#include <algorithm>

#include "admin/keys_page.h"
#include "admin/status_page.h"
#include "base/log.h"
#include "base/text.h"
#include "control/process_limits.h"
#include "observe/exposition.h"
#include "observe/process_usage.h"
#include "policy/query.h"
#include "proxy/problems.h"
#include "snapshot/files_hash.h"

namespace sluice::admin {

namespace {

constexpr std::string_view kText = "text/plain; charset=utf-8";
constexpr std::string_view kJson = "application/json";

std::string_view accept_of(const http::Head& request) {
  return request.fields.get(http::FieldId::accept).value_or("");
}

Page metrics_page(const control::Keeper& keeper, observe::PageForm form) {
  control::Process& process = keeper.process();
  std::string hash = hex_text(keeper.snapshot().hash);
  std::string files_hash = hex_text(snapshot::files_hash(keeper.snapshot()));
  observe::ProcessFacts facts;
  facts.version = SLUICE_VERSION;
  facts.config_hash = hash;
  facts.files_hash = files_hash;
  const control::ReloadFacts& reloads = keeper.reloads();
  facts.reload_succeeded = reloads.success;
  facts.reloaded_at_seconds =
      static_cast<double>(reloads.applied_at.time_since_epoch().count()) / 1000;
  facts.reloads_applied = reloads.applied;
  facts.reloads_unchanged = reloads.unchanged;
  facts.reloads_refused = reloads.refused;
  facts.usage = observe::read_process_usage();
  facts.traffic_bytes = process.load.memory.used();
  facts.traffic_bytes_max = process.load.memory.limit();
  facts.connections_max = control::connections_max(keeper.snapshot().config.server);
  if (const auto& table = keeper.snapshot().limit_table) facts.limit_keys_forgotten = table->forgotten();
  facts.logs = process.logs.counts();
  for (auto& copied : process.courier.counts()) facts.logs.push_back(std::move(copied));
  facts.log_lines_suppressed = log_lines_suppressed();
  if (const auto& audit = process.logs.audit_log()) facts.audit = audit->head->get();
  facts.certificates = keeper.certificates().facts();
  facts.keys = keeper.keys();
  facts.services = keeper.snapshot().services;
  facts.health = keeper.health();
  return {200, observe::page_type(form), observe::expose(process.registry, facts, form)};
}

// A Redis that is away is named and does not count: who does without it is said route by route.
std::string ready_text(const control::Keeper& keeper) {
  std::string text = "ready";
  for (const auto& part : keeper.snapshot().redis) {
    if (is_away(keeper, *part)) text += (text == "ready" ? "; redis." : ", redis.") + part->name + " away";
  }
  return text + "\n";
}

Page readiness_page(const control::Keeper& keeper) {
  using State = control::Keeper::State;
  switch (keeper.state()) {
    case State::serving: return {200, kText, ready_text(keeper)};
    case State::starting:
      return {503, kText, "starting: names of upstreams are being looked up\n"};
    case State::leaving: return {503, kText, "draining: asked to end, drain_delay is running\n"};
    case State::draining: case State::done: break;
  }
  return {503, kText, "draining: asked to end, requests in flight are finishing\n"};
}

Page list_keys(const http::Head& request, const control::Keeper& keeper) {
  uint64_t from = 0;
  policy::each_query_parameter(request.query, [&](const policy::QueryParameter& parameter) {
    if (parameter.name == "from") from = parse_decimal(parameter.value).value_or(0);
  });
  return {200, kJson, keys_page(keeper.snapshot(), from)};
}

Page not_allowed(const http::Head& request, std::string_view allow) {
  Page page = problem_page(proxy::kMethodNotAllowed, request);
  page.allow = allow;
  return page;
}

}  // namespace

Page problem_page(const http::Problem& problem, const http::Head& request) {
  http::ProblemForm form = http::problem_form(accept_of(request));
  return {problem.status, http::problem_content_type(form), http::render_problem(problem, form, "")};
}

Page overloaded_page(const http::Head& request) {
  Page page = problem_page(proxy::kOverloaded, request);
  page.retry_after = "5";
  return page;
}

Need need_of(const http::Head& request, const Peer& peer) {
  if (peer.rights == Rights::none) return Need::nothing;
  bool looks = request.method == http::Method::get || request.method == http::Method::head;
  bool posts = request.method == http::Method::post;
  if (request.path == "/status" && looks) return Need::count;
  if (peer.rights != Rights::change) return Need::nothing;
  if (request.path == "/reload" && posts) return Need::reload;
  if (request.path == "/connections" && looks) return Need::look;
  if (request.path == "/connections/close" && posts) return Need::close;
  return Need::nothing;
}

bool is_key_list(const http::Head& request, const Peer& peer) {
  return peer.rights == Rights::change && request.path == "/keys";
}

Page make_page(const http::Head& request, const control::Keeper& keeper, const Peer& peer) {
  constexpr std::string_view kPaths[] = {"/metrics", "/status", "/healthz", "/readyz"};
  bool is_keys = is_key_list(request, peer);
  if (peer.rights == Rights::none) return problem_page(proxy::kControlForbidden, request);
  bool posted = request.path == "/reload" || request.path == "/connections/close";
  if (peer.rights == Rights::change && posted) return not_allowed(request, "POST");
  bool listed = peer.rights == Rights::change && request.path == "/connections";
  if (!is_keys && !listed && std::find(std::begin(kPaths), std::end(kPaths), request.path) == std::end(kPaths)) {
    return problem_page(proxy::kNoRoute, request);
  }
  if (request.method != http::Method::get && request.method != http::Method::head) {
    return not_allowed(request, "GET, HEAD");
  }
  if (is_keys) return list_keys(request, keeper);
  if (request.path == "/metrics") {
    return metrics_page(keeper, observe::page_form(accept_of(request)));
  }
  if (request.path == "/healthz") return {200, kText, "ok\n"};
  return readiness_page(keeper);
}

}  // namespace sluice::admin

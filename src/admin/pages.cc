#include "admin/pages.h"

#include "base/text.h"
#include "observe/exposition.h"
#include "observe/process_usage.h"
#include "proxy/problems.h"

namespace sluice::admin {

std::string metrics_page(const control::Keeper& keeper) {
  control::Process& process = keeper.process();
  std::string hash = hex_text(keeper.snapshot().hash);
  observe::ProcessFacts facts;
  facts.version = SLUICE_VERSION;
  facts.config_hash = hash;
  facts.usage = observe::read_process_usage();
  for (const observe::LogFile* log : {process.access_log, process.error_log}) {
    if (log == nullptr) continue;
    observe::LogFile::Counts counts = log->counts();
    facts.logs.push_back({log->name(), counts.lines, counts.dropped});
  }
  return observe::expose(process.registry, facts);
}

namespace {

Page not_allowed(const http::Head& request, std::string_view allow) {
  Page page = problem_page(proxy::kMethodNotAllowed, request);
  page.allow = allow;
  return page;
}

}  // namespace

Page problem_page(const http::Problem& problem, const http::Head& request) {
  std::string_view accept = request.fields.get(http::FieldId::accept).value_or("");
  http::ProblemForm form = http::problem_form(accept);
  return {problem.status, http::problem_content_type(form), http::render_problem(problem, form, "")};
}

bool is_reload(const http::Head& request, const Peer& peer) {
  return peer.rights == Rights::change && request.path == "/reload" && request.method == http::Method::post;
}

Page make_page(const http::Head& request, const control::Keeper& keeper, const Peer& peer) {
  using State = control::Keeper::State;
  if (peer.rights == Rights::none) return problem_page(proxy::kControlForbidden, request);
  if (peer.rights == Rights::change && request.path == "/reload") return not_allowed(request, "POST");
  if (request.path != "/metrics" && request.path != "/healthz" && request.path != "/readyz") {
    return problem_page(proxy::kNoRoute, request);
  }
  if (request.method != http::Method::get && request.method != http::Method::head) {
    return not_allowed(request, "GET, HEAD");
  }
  if (request.path == "/metrics") return {200, observe::kExpositionType, metrics_page(keeper)};
  if (request.path == "/healthz") return {200, "text/plain; charset=utf-8", "ok\n"};
  switch (keeper.state()) {
    case State::serving: return {200, "text/plain; charset=utf-8", "ready\n"};
    case State::starting: return {503, "text/plain; charset=utf-8", "starting\n"};
    case State::leaving: case State::draining: case State::done: break;
  }
  return {503, "text/plain; charset=utf-8", "draining\n"};
}

}  // namespace sluice::admin

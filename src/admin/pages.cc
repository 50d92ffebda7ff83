#include "admin/pages.h"

#include "base/text.h"
#include "observe/exposition.h"
#include "observe/process_usage.h"

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

Page make_page(const http::Head& request, const control::Keeper& keeper) {
  using State = control::Keeper::State;
  if (request.path != "/metrics" && request.path != "/healthz" && request.path != "/readyz") {
    return {404, "text/plain; charset=utf-8", "not found: /metrics, /healthz and /readyz are here\n"};
  }
  if (request.method != http::Method::get && request.method != http::Method::head) {
    return {405, "text/plain; charset=utf-8", "only GET and HEAD\n"};
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

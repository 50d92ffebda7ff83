// `sluice check FILE`: everything that is wrong, in one run.
#include <cstdio>

#include "base/text.h"
#include "cli/commands.h"
#include "snapshot/config.h"
#include "snapshot/files_hash.h"

namespace sluice::cli {

namespace {

std::string counted(size_t count, const char* noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

std::string summary(const snapshot::LoadedConfig& loaded) {
  const config::Issues& issues = loaded.document.issues;
  std::string out;
  auto add = [&](size_t count, const char* noun) {
    if (count > 0) out += (out.empty() ? "" : ", ") + counted(count, noun);
  };
  add(issues.count(config::Severity::error), "error");
  if (size_t unchecked = issues.count(config::Severity::unchecked)) {
    out += (out.empty() ? "" : ", ") + std::to_string(unchecked) + " not checked";
  }
  add(issues.count(config::Severity::warning), "warning");
  if (out.empty()) out = "no errors";
  out += " in " + counted(loaded.document.sources.size(), "file") + " (" +
         counted(loaded.config.route.size(), "route") + ", " +
         counted(loaded.config.upstream.size(), "upstream") + ")";
  if (!loaded.document.complete) out += "; what could not be read may hold more";
  return out + (loaded.has_errors() ? "; nothing was changed" : "");
}

// What the gateway shows in /status and /metrics, for a comparison.
std::string hashes(const snapshot::Config& config) {
  auto files = snapshot::files_hash(config);
  return "configuration " + hex_text(config.hash) +
         (files ? ", files " + hex_text(*files) : ", files not readable");
}

}  // namespace

int run_check(const CheckOptions& options) {
  snapshot::LoadOptions load;
  if (options.as_service) load.asker = snapshot::Asker::service;
  snapshot::LoadedConfig loaded = snapshot::load_config(options.file, load);
  std::string text = loaded.issues_text() + summary(loaded) + "\n";
  if (!loaded.has_errors()) text += hashes(loaded.config) + "\n";
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (loaded.has_errors()) return 1;
  return loaded.document.issues.count(config::Severity::unchecked) > 0 ? 2 : 0;
}

}  // namespace sluice::cli

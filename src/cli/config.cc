// `sluice config schema | defaults | reference | show FILE`: walks over the format's field lists.
#include <cstdio>

#include "cli/commands.h"
#include "config/schema.h"
#include "config/show.h"
#include "snapshot/conceal.h"
#include "snapshot/config.h"

namespace sluice::cli {

namespace {

int print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  return 0;
}

}  // namespace

int run_config_show(const ShowOptions& options) {
  snapshot::LoadedConfig loaded = snapshot::load_config(options.file);
  std::string issues = loaded.issues_text();
  std::fwrite(issues.data(), 1, issues.size(), stderr);
  if (loaded.has_errors()) return 1;
  snapshot::conceal_credentials(loaded.config);
  auto origin = options.origin ? config::Origin::shown : config::Origin::hidden;
  return print(config::show(snapshot::config_type(), &loaded.config, loaded.document.root,
                            loaded.document.sources, origin));
}

int run_config_schema() {
  return print(config::json_schema(snapshot::config_type()));
}
int run_config_defaults() {
  return print(config::show_defaults(snapshot::config_type()));
}
int run_config_reference() {
  return print(config::show_reference(snapshot::config_type()));
}

}  // namespace sluice::cli

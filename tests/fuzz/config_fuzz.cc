// Any bytes as a configuration: no crash, no hang; what is accepted is shown in a form that reads
// back the same.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "config/show.h"
#include "snapshot/config.h"

namespace {

std::optional<std::string> no_environment(std::string_view) {
  return std::nullopt;
}

sluice::snapshot::LoadedConfig load(std::string text) {
  sluice::snapshot::LoadOptions options;
  options.environment = no_environment;
  return sluice::snapshot::load_config_text("fuzz.toml", std::move(text), options);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sluice::snapshot::LoadedConfig loaded = load({reinterpret_cast<const char*>(data), size});
  std::string issues = loaded.issues_text();
  for (char c : issues) {
    if (static_cast<unsigned char>(c) < 0x20 && c != '\n') std::abort();
  }
  if (loaded.has_errors()) return 0;
  std::string shown =
      sluice::config::show(sluice::snapshot::config_type(), &loaded.config, loaded.document.root,
                           loaded.document.sources, sluice::config::Origin::hidden);
  // A dollar in a value would be taken for a variable.
  if (shown.find('$') != std::string::npos) return 0;
  sluice::snapshot::LoadedConfig again = load(shown);
  if (again.has_errors() || again.config.hash != loaded.config.hash) std::abort();
  return 0;
}

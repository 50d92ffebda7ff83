#include "plugin/plugin_config.h"

namespace sluice::plugin {

using config::field;
using config::Field;

namespace {

constexpr Field kPluginFields[] = {
    field<&PluginConfig::file>({.name = "file",
                                .about = "The shared object, not writable for everybody.",
                                .example = "\"api_version.so\"",
                                .need = config::Need::required}),
    field<&PluginConfig::settings>(
        {.name = "settings",
         .about = "The plugin's own settings, all strings; it says itself which it takes.",
         .example = "{ supported = \"1 2\", default = \"2\" }"}),
};

}  // namespace

std::span<const Field> config_fields(const PluginConfig*) {
  return kPluginFields;
}

}  // namespace sluice::plugin

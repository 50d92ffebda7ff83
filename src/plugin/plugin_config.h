// [plugin.NAME]: a policy of the user's own, as a shared object behind the C ABI of
// plugins/include/sluice/plugin.h.
#pragma once

#include <span>
#include <string>

#include "config/types.h"

namespace sluice::plugin {

struct PluginConfig {
  config::FilePath file;
  config::Map<std::string> settings;  // the plugin's own; it refuses what it does not know
};

std::span<const config::Field> config_fields(const PluginConfig*);

}  // namespace sluice::plugin

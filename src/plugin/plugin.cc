#include "plugin/plugin.h"

#include "plugin/host.h"

namespace sluice::plugin {

Result<std::shared_ptr<const Plugin>, Fault> Plugin::load(const std::string& name,
                                                          const PluginConfig& config) {
  return load(name, config, host_table());
}

Result<std::shared_ptr<const Plugin>, Fault> Plugin::load(const std::string& name,
                                                          const PluginConfig& config,
                                                          const sluice_host& host) {
  auto library = Library::open(config.file.path, host.abi_minor);
  if (!library) return library.error();
  std::shared_ptr<Plugin> plugin(new Plugin(name, *std::move(library)));
  const sluice_plugin& table = plugin->table();
  if (table.create != nullptr) {
    sluice_setup setup{config.settings};
    if (table.create(&host, &setup, &plugin->self_) != SLUICE_OK) {
      return Fault{Fault::Kind::settings,
                   setup.why.empty() ? "it does not say why" : std::move(setup.why)};
    }
  }
  plugin->created_ = true;
  return std::shared_ptr<const Plugin>(std::move(plugin));
}

Plugin::~Plugin() {
  if (created_ && table().destroy != nullptr) table().destroy(self_);
}

}  // namespace sluice::plugin

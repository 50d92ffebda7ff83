// One [plugin.NAME], ready: its library, and the instance that it made of its settings. Const and
// shared by all workers and routes.
#pragma once

#include <memory>
#include <string>

#include "plugin/library.h"
#include "plugin/plugin_config.h"
#include "policy/policy.h"

namespace sluice::plugin {

class Plugin {
 public:
  /// errors: what is wrong with the file, or what the plugin says about its settings
  static Result<std::shared_ptr<const Plugin>, Fault> load(const std::string& name,
                                                           const PluginConfig& config);
  /// The same with another table of the host's: what a later gateway would give.
  static Result<std::shared_ptr<const Plugin>, Fault> load(const std::string& name,
                                                           const PluginConfig& config,
                                                           const sluice_host& host);
  Plugin(const Plugin&) = delete;
  Plugin& operator=(const Plugin&) = delete;
  ~Plugin();

  const std::string& name() const { return name_; }
  const sluice_plugin& table() const { return library_->table(); }
  void* self() const { return self_; }
  /// Of its library's contents.
  uint64_t fingerprint() const { return library_->fingerprint(); }

 private:
  Plugin(std::string name, std::shared_ptr<const Library> library)
      : name_(std::move(name)), library_(std::move(library)) {}

  std::string name_;
  std::shared_ptr<const Library> library_;
  void* self_ = nullptr;
  bool created_ = false;
};

/// A plugin as a policy of one route.
std::unique_ptr<const policy::Policy> make_policy(std::shared_ptr<const Plugin> plugin);

}  // namespace sluice::plugin

// The plugins that the build made of tests/unit/plugin/modules and plugins/examples.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <string>

#include "plugin/plugin_config.h"

namespace sluice::plugin {

inline std::string module(const std::string& name) {
  return std::string(SLUICE_BINARY_DIR) + "/test-plugins/" + name + ".so";
}

inline PluginConfig config_of(const std::string& file,
                              const config::Map<std::string>& settings = {}) {
  PluginConfig config;
  config.file.path = file;
  config.settings = settings;
  return config;
}

/// A folder for copies that a test may change.
class ModuleFolder {
 public:
  ModuleFolder() : path_(testing::TempDir() + "plugin-XXXXXX") {
    if (mkdtemp(path_.data()) == nullptr) ADD_FAILURE() << "mkdtemp " << path_;
  }
  ~ModuleFolder() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }
  std::string copy(const std::string& name) const {
    std::filesystem::copy_file(module(name), file(name + ".so"));
    return file(name + ".so");
  }

 private:
  std::string path_;
};

}  // namespace sluice::plugin

// One shared object that says it is a plugin: found, judged, opened, its table read. Door to
// dlopen(3). Knows no settings and no requests: plugin.h.
#pragma once

#include <sluice/plugin.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"

namespace sluice::plugin {

/// Why a plugin cannot be used, for the operator.
struct Fault {
  enum class Kind : uint8_t {
    unreadable,  // there is no such file
    denied,      // this user may not read it: the service's may
    unsafe,      // anybody could change what the gateway runs
    invalid,     // no plugin, or not for this gateway
    settings,    // the plugin does not take its settings
  };
  Kind kind = Kind::invalid;
  std::string why;
};

/// Closed when the last user goes.
class Library {
 public:
  /// Opens `file`; its constructors run.
  /// needs: `abi_minor` of the table that the plugin will be given
  static Result<std::shared_ptr<const Library>, Fault> open(const std::string& file,
                                                            uint16_t abi_minor);
  /// Of a file's contents now. gives: nothing when it cannot be read
  static std::optional<uint64_t> fingerprint_of(const std::string& file);
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
  ~Library();

  /// The plugin's table; what it was built without is null.
  const sluice_plugin& table() const { return table_; }
  /// Of the file's contents when it was opened.
  uint64_t fingerprint() const { return fingerprint_; }

 private:
  explicit Library(void* handle) : handle_(handle) {}
  Result<void, Fault> read_table(uint16_t abi_minor);

  void* handle_;
  sluice_plugin table_{};
  uint64_t fingerprint_ = 0;
};

}  // namespace sluice::plugin

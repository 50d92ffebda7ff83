// A configuration file and what it includes, merged into one tree of Values, environment filled in.
// Knows no sections: reader.h gives the tree its meaning.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/issue.h"
#include "config/value.h"

namespace sluice::config {

/// gives: an environment variable's value, or nothing when it is not set
using Environment = std::optional<std::string> (*)(std::string_view name);
std::optional<std::string> process_environment(std::string_view name);

struct Document {
  Sources sources;
  Value root;
  Issues issues;
  /// False when a file could not be read or is no TOML: what it defines is not known, so names are
  /// not checked.
  bool complete = true;
};

/// Reads `path` and the files that its `include` names (file patterns, relative to it; those files
/// include none). gives: the document; what is wrong so far is in its issues
Document load(const std::string& path, Environment environment = process_environment);

/// The same for a text that is not a file; `include` is not followed.
Document load_text(std::string name, std::string text,
                   Environment environment = process_environment);

}  // namespace sluice::config

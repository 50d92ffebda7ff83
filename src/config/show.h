// The configuration as text: `config show`, `config defaults`, and the reference in docs/.
#pragma once

#include <string>

#include "config/field.h"
#include "config/source.h"

namespace sluice::config {

enum class Origin : bool { hidden, shown };

/// The effective configuration as TOML, defaults included; with origins each line says where its
/// value is from.
std::string show(const Type& root, const void* object, const Value& value, const Sources& sources,
                 Origin origin);

/// Every key that has a default, as TOML, each with its reason; the others as comments.
std::string show_defaults(const Type& root);

/// Every key as Markdown.
std::string show_reference(const Type& root);

}  // namespace sluice::config

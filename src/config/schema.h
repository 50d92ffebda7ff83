// The format as JSON Schema (draft 7), for editors.
#pragma once

#include <string>

#include "config/field.h"

namespace sluice::config {

std::string json_schema(const Type& root);

}  // namespace sluice::config

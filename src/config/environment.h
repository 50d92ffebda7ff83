// ${NAME} and ${NAME:-default} in strings; $$ is a dollar.
#pragma once

#include "config/issue.h"
#include "config/load.h"
#include "config/value.h"

namespace sluice::config {

/// Fills in every string of `value`, keys excepted; what is not set or not well formed becomes an
/// issue.
void expand_environment(Value& value, Environment environment, Issues& issues);

}  // namespace sluice::config

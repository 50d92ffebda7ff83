// Asks the running gateway over its control socket.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/commands.h"

namespace sluice::cli {

/// What commands exit with that got no answer.
inline constexpr int kNoControl = 2;

struct ControlAnswer {
  int status = 0;
  std::string body;
};

/// cost: blocks, until there is an answer or the patience of `control` ends
/// errors: a line for the user; what is wrong with the configuration file is on stderr by then
Result<ControlAnswer, std::string> ask_control(const ControlOptions& control, std::string_view method,
                                               std::string_view target);

}  // namespace sluice::cli

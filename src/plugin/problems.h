// What the gateway answers for a plugin.
#pragma once

#include "http/problem.h"

namespace sluice::plugin {

inline constexpr http::Problem kPluginRefused{403, "plugin_refused", "Refused",
                                              "A policy of this route does not allow the request."};
inline constexpr http::Problem kPluginFailed{500, "plugin_failed", "A policy failed",
                                             "A policy of this route could not judge the request."};

inline constexpr const http::Problem* kPluginProblems[] = {&kPluginRefused, &kPluginFailed};

}  // namespace sluice::plugin

// What a client is told that is known, and may not.
#pragma once

#include "http/problem.h"

namespace sluice::policy {

inline constexpr http::Problem kNotAllowed{403, "not_allowed", "Forbidden",
                                           "The credentials are good, but they do not allow this request."};

inline constexpr const http::Problem* kAllowProblems[] = {&kNotAllowed};

}  // namespace sluice::policy

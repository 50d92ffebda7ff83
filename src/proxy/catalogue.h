// Every response that the gateway makes itself, collected from the constexprs that stand beside the
// code that makes them, and the page that explains them to operators. Not on the data path.
#pragma once

#include <span>
#include <string>

#include "http/problem.h"

namespace sluice::proxy {

/// All problems, in the order of the page.
std::span<const http::Problem* const> problem_catalogue();

/// docs/errors.md, in Markdown: a heading per code, which is the fragment of the problem's type
/// URI.
std::string problem_reference();

}  // namespace sluice::proxy

// Which libraries read HTTP, for `sluice version`.
#pragma once

#include <string>

namespace sluice::http {

/// gives: "llhttp 8.1.0, nghttp2 1.52.0": the parser that was built in, and the shared library that is loaded
std::string library_versions();

}  // namespace sluice::http

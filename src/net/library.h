// Which libraries reach the network, for `sluice version`.
#pragma once

#include <string>

namespace sluice::net {

/// gives: "libuv 1.44.2, c-ares 1.18.1", of the shared libraries that are loaded
std::string library_versions();

}  // namespace sluice::net

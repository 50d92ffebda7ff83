#include "net/library.h"

#include <ares.h>
#include <uv.h>

namespace sluice::net {

std::string library_versions() { return std::string("libuv ") + ::uv_version_string() + ", c-ares " + ::ares_version(nullptr); }

}  // namespace sluice::net

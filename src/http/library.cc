#include "http/library.h"

#include <llhttp.h>
#include <nghttp2/nghttp2.h>

namespace sluice::http {

std::string library_versions() {
  auto part = [](int number) { return std::to_string(number); };
  return "llhttp " + part(LLHTTP_VERSION_MAJOR) + "." + part(LLHTTP_VERSION_MINOR) + "." + part(LLHTTP_VERSION_PATCH) +
         ", nghttp2 " + ::nghttp2_version(0)->version_str;
}

}  // namespace sluice::http

// `sluice version`: what was built, and with which libraries.
#include <cstdio>

#include "cli/commands.h"
#include "crypto/library.h"
#include "http/library.h"
#include "net/library.h"

namespace sluice::cli {

int run_version() {
  std::printf("sluice %s\n%s\n%s\n%s\ng++ %d.%d.%d\n", SLUICE_VERSION, crypto::library_version().data(),
              http::library_versions().c_str(), net::library_versions().c_str(), __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
  return 0;
}

}  // namespace sluice::cli

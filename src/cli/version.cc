// `sluice version`: what was built, and with which libraries.
#include <cstdio>

#include "cli/commands.h"
#include "crypto/library.h"

namespace sluice::cli {

int run_version() {
  std::printf("sluice %s\n%s\ng++ %d.%d.%d\n", SLUICE_VERSION, crypto::library_version().data(),
              __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
  return 0;
}

}  // namespace sluice::cli

// `sluice version`: what was built, and with which libraries.
#include <openssl/crypto.h>

#include <cstdio>

#include "cli/commands.h"

namespace sluice::cli {

int run_version() {
  std::printf("sluice %s\n%s\ng++ %d.%d.%d\n", SLUICE_VERSION, OpenSSL_version(OPENSSL_VERSION),
              __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
  return 0;
}

}  // namespace sluice::cli

// `sluice errors`: every response that the gateway makes itself.
#include <cstdio>

#include "cli/commands.h"
#include "proxy/catalogue.h"

namespace sluice::cli {

int run_errors() {
  std::string text = proxy::problem_reference();
  std::fwrite(text.data(), 1, text.size(), stdout);
  return 0;
}

}  // namespace sluice::cli

// `sluice reload [FILE]`: asks over the control socket and waits for the outcome.
#include <cstdio>
#include <string>

#include "cli/commands.h"
#include "cli/control_client.h"

namespace sluice::cli {

int run_reload(const ReloadOptions& options) {
  auto answer = ask_control(options.control, "POST", "/reload");
  if (!answer) {
    std::fprintf(stderr, "sluice: %s\n", answer.error().c_str());
    return kNoControl;
  }
  std::fputs(answer->body.c_str(), answer->status == 200 ? stdout : stderr);
  return answer->status == 200 ? 0 : 1;
}

}  // namespace sluice::cli

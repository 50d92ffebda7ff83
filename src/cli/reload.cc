// `sluice reload [FILE]`: asks over the control socket and waits for the outcome.
#include <cstdio>
#include <filesystem>
#include <string>

#include "cli/commands.h"
#include "cli/control_client.h"

namespace sluice::cli {

namespace {

// The gateway reads the file that it was started with, whichever told us its socket.
void warn_of_another_file(std::string_view report, const std::string& file) {
  constexpr std::string_view kFrom = ", from ";   // control/reload.cc
  size_t from = report.rfind(kFrom);
  if (from == std::string_view::npos || !report.ends_with('\n')) return;
  std::string read(report.substr(from + kFrom.size(), report.size() - from - kFrom.size() - 1));
  std::error_code error;
  bool same = std::filesystem::equivalent(read, file, error);
  if (!same && !error) std::fprintf(stderr, "sluice: the gateway's configuration is %s, not %s\n", read.c_str(), file.c_str());
}

}  // namespace

int run_reload(const ReloadOptions& options) {
  auto answer = ask_control(options.control, "POST", "/reload");
  if (!answer) {
    std::fprintf(stderr, "sluice: %s\n", answer.error().c_str());
    return kNoControl;
  }
  std::fputs(answer->body.c_str(), answer->status == 200 ? stdout : stderr);
  if (options.control.socket.empty()) warn_of_another_file(answer->body, options.control.file);
  return answer->status == 200 ? 0 : 1;
}

}  // namespace sluice::cli

#include <malloc.h>
#include <sys/resource.h>

#include <cstdio>
#include <filesystem>
#include <memory>

#include "admin/admin_server.h"
#include "base/log.h"
#include "cli/commands.h"
#include "control/keeper.h"
#include "control/log_part.h"
#include "loop/signals.h"
#include "snapshot/build.h"

namespace sluice::cli {
namespace {

// A worker's loop takes four or so, each listener two for each worker: less would end in the middle of the start.
constexpr rlim_t kDescriptorsLeast = 64;

rlim_t descriptor_limit() {
  rlimit limit{};
  return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : RLIM_INFINITY;
}

// Every connection is a descriptor: take what the system allows.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// Tables of files (keys, address lists) are made beside those in force, at every reading. What is as large as that is the kernel's
// own and goes back to it whole; left alone, glibc raises this bound with each piece that is freed, to 32 MiB, and keeps the holes.
constexpr int kMappedAlone = 1 << 20;

int complain(const std::string& text) {
  std::fprintf(stderr, "sluice: %s\n", text.c_str());
  return 1;
}

bool open_logs(control::Process& process, const snapshot::Snapshot& snapshot) {
  auto prepared = control::prepare_logs(process, snapshot);
  if (prepared) {
    process.logs.commit(*std::move(prepared));
    return true;
  }
  for (const std::string& fault : prepared.error()) complain(fault);
  return false;
}

int serve(control::Process& process, const std::string& file, std::shared_ptr<const snapshot::Snapshot> snapshot) {
  control::Keeper keeper(process, file);
  admin::AdminServer admin(keeper);
  control::LogPart logs(process);
  keeper.add_participant(logs);
  keeper.add_participant(admin);
  if (auto ready = keeper.prepare(std::move(snapshot)); !ready) {
    for (const std::string& fault : ready.error()) complain(fault);
    return 1;
  }
  return keeper.run();
}

}  // namespace

int run_gateway(const RunOptions& options) {
  Signals::hold();
  mallopt(M_MMAP_THRESHOLD, kMappedAlone);
  snapshot::LoadOptions load;
  load.asker = snapshot::Asker::service;
  snapshot::LoadedConfig loaded = snapshot::load_config(options.file, load);
  std::fputs(loaded.issues_text().c_str(), stderr);
  if (loaded.has_errors()) return 1;
  raise_descriptor_limit();
  if (rlim_t files = descriptor_limit(); files < kDescriptorsLeast) {
    return complain("the limit on open files is " + std::to_string(files) + ": at least " +
                    std::to_string(kDescriptorsLeast) + " are needed (LimitNOFILE, ulimit -n)");
  }
  control::Process process;
  auto snapshot = snapshot::build(std::move(loaded.config), nullptr, process.registry);
  if (!snapshot) {
    for (const std::string& fault : snapshot.error()) complain(fault);
    return 1;
  }
  if (!open_logs(process, **snapshot)) return 1;
  std::error_code no_folder;   // where it is now may be gone; then the name says what it can
  std::filesystem::path file = std::filesystem::absolute(options.file, no_folder);
  int code = serve(process, no_folder ? options.file : file.string(), *std::move(snapshot));
  process.logs.stop();
  process.courier.stop();
  return code;
}

}  // namespace sluice::cli

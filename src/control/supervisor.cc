#include "control/supervisor.h"

#include <sched.h>
#include <sys/random.h>

#include <algorithm>
#include <fstream>

namespace sluice::control {
namespace {

uint64_t random_seed() {
  uint64_t seed = 0;
  CHECK(getrandom(&seed, sizeof(seed), 0) == sizeof(seed));
  return seed;
}

}  // namespace

unsigned usable_cores() {
  cpu_set_t set;
  unsigned cores = 1;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) cores = static_cast<unsigned>(std::max(1, CPU_COUNT(&set)));
  // cgroup v2: "max 100000" or "150000 100000" (quota and period in microseconds).
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  double quota = 0, period = 0;
  if (file >> quota >> period && quota > 0 && period > 0) {
    cores = std::min(cores, std::max(1U, static_cast<unsigned>(quota / period + 0.5)));
  }
  return cores;
}

Supervisor::Supervisor(Process& process, Worker::Owner& owner, unsigned workers) {
  for (unsigned i = 0; i < workers; ++i) {
    workers_.push_back(std::make_unique<Worker>(i, process, owner, random_seed()));
  }
}

Result<void, std::vector<std::string>> Supervisor::bind(const snapshot::Snapshot& snapshot) {
  std::vector<std::string> faults;
  for (const auto& listener : snapshot.listeners) {
    const net::SocketAddress& address = listener->settings->address;
    auto fault = [&](const char* why) {
      faults.push_back("listen." + listener->name + ": cannot listen on " + address.to_string() + ": " + why);
    };
    std::vector<net::ListenSocket> sockets;
    if (!address.is_unix()) {
      Result<bool> in_use = net::address_in_use(address);
      if (!in_use) { fault(in_use.error().what); continue; }
      if (*in_use) { fault("another process is listening there"); continue; }
    }
    // A unix path has one socket; each worker accepts on a duplicate of it.
    size_t count = address.is_unix() ? 1 : workers_.size();
    for (size_t i = 0; i < count; ++i) {
      Result<net::ListenSocket> socket = net::ListenSocket::bind(address);
      if (!socket) { fault(socket.error().what); break; }
      sockets.push_back(*std::move(socket));
    }
    sockets_.push_back(std::move(sockets));
  }
  if (!faults.empty()) return faults;
  return {};
}

void Supervisor::start() {
  for (auto& worker : workers_) worker->start();
}

void Supervisor::listen() {
  for (size_t i = 0; i < workers_.size(); ++i) {
    std::vector<const net::ListenSocket*> own;
    for (auto& sockets : sockets_) own.push_back(&sockets[std::min(i, sockets.size() - 1)]);
    workers_[i]->listen(std::move(own));
  }
}

void Supervisor::stop() {
  for (auto& worker : workers_) worker->stop();
}

}  // namespace sluice::control

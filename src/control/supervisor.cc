#include "control/supervisor.h"

#include <sched.h>
#include <sys/random.h>

#include <algorithm>

#include "base/log.h"
#include "control/cgroup.h"
#include "control/process_limits.h"

namespace sluice::control {

uint64_t random_seed() {
  uint64_t seed = 0;
  CHECK(getrandom(&seed, sizeof(seed), 0) == sizeof(seed));
  return seed;
}

unsigned usable_cores() {
  cpu_set_t set;
  unsigned cores = 1;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) cores = static_cast<unsigned>(std::max(1, CPU_COUNT(&set)));
  double quota = Cgroups().cores();
  if (quota < cores) cores = std::max(1U, static_cast<unsigned>(quota + 0.5));
  return cores;
}

unsigned wanted_workers(const snapshot::Snapshot& snapshot) {
  unsigned count = snapshot.config.server.workers.count;
  return count == 0 ? usable_cores() : count;
}

Result<void, std::vector<std::string>> Supervisor::prepare(const snapshot::Snapshot& next) {
  abandon();
  std::vector<std::string> faults;
  prepared_workers_ = wanted_workers(next);
  for (const auto& listener : next.listeners) {
    const net::SocketAddress& address = listener->settings->address;
    std::string text = address.to_string();
    Bound& bound = prepared_[text];
    bound.address = address;
    if (Result<void> done = bind(bound, prepared_workers_); !done) {
      faults.push_back("listen." + listener->name + ": cannot listen on " + text + ": " + done.error().what);
    }
  }
  if (!room_for_workers(next.listeners.size())) {
    faults.push_back("server.workers: too few file descriptors for " + std::to_string(prepared_workers_) + " workers");
  }
  if (faults.empty()) return {};
  abandon();
  return faults;
}

// Once published, a worker that cannot have its loop would be the end of the process.
bool Supervisor::room_for_workers(size_t listeners) const {
  constexpr size_t kLoopDescriptors = 6;   // epoll, eventfd, libuv's pipe for signals, a spare one
  size_t more = prepared_workers_ > workers_.size() ? prepared_workers_ - workers_.size() : 0;
  size_t wanted = more * (kLoopDescriptors + listeners);
  for (const auto& [text, bound] : prepared_) wanted += bound.sockets.size();   // each is accepted on by a duplicate
  return wanted == 0 || descriptors_free(wanted);
}

// A unix path has one socket; each worker accepts on a duplicate of it.
Result<void> Supervisor::bind(Bound& bound, unsigned workers) {
  auto known = sockets_.find(bound.address.to_string());
  size_t have = known == sockets_.end() ? 0 : known->second.sockets.size();
  size_t want = bound.address.is_unix() ? 1 : workers;
  if (have == 0 && !bound.address.is_unix() && !own_port(bound.address)) {
    Result<bool> in_use = net::address_in_use(bound.address);
    if (!in_use) return in_use.error();
    if (*in_use) return Error{Code::bad_value, Side::gateway, Progress::unsent, "another process is listening there"};
  }
  for (; have < want; ++have) {
    // Nobody may connect to what may yet be given up: closing it would reset them.
    Result<net::ListenSocket> socket = net::ListenSocket::bind(bound.address, {.listening = false});
    if (!socket) return socket.error();
    bound.sockets.push_back(std::make_unique<net::ListenSocket>(*std::move(socket)));
  }
  return {};
}

// "127.0.0.1:80" that becomes ":80" would find itself and take itself for another process.
bool Supervisor::own_port(const net::SocketAddress& address) const {
  return std::any_of(sockets_.begin(), sockets_.end(), [&](const auto& entry) {
    return !entry.second.address.is_unix() && entry.second.address.port() == address.port();
  });
}

void Supervisor::publish(const Worker::Publication& publication) {
  in_force_.clear();
  for (const auto& listener : publication.snapshot->listeners) in_force_.push_back(listener->settings->address.to_string());
  for (auto& [text, bound] : prepared_) {
    Bound& into = sockets_[text];
    into.address = bound.address;
    for (auto& socket : bound.sockets) {
      if (Result<void> listening = socket->listen(); !listening) {
        LOG(error, "cannot listen", kv("address", text), kv("error", listening.error().what));
      }
      into.sockets.push_back(std::move(socket));
    }
  }
  prepared_.clear();
  serving_ = prepared_workers_;
  size_t running = workers_.size();
  while (workers_.size() < serving_) {
    auto index = static_cast<unsigned>(workers_.size());
    workers_.push_back(std::make_unique<Worker>(index, *process_, *owner_, random_seed()));
  }
  for (unsigned i = 0; i < workers_.size(); ++i) {
    Worker::Publication own = publication;
    own.workers = serving_;
    for (const std::string& address : in_force_) own.sockets.push_back(share_of(i, sockets_.at(address)));
    workers_[i]->publish(std::move(own));
  }
  for (size_t i = running; i < workers_.size(); ++i) workers_[i]->start();
}

// With fewer workers than sockets each takes several: closing one would reset what waits in its queue.
std::vector<const net::ListenSocket*> Supervisor::share_of(unsigned worker, const Bound& bound) const {
  std::vector<const net::ListenSocket*> share;
  if (worker >= serving_) return share;
  if (bound.address.is_unix()) return {bound.sockets.front().get()};
  for (size_t i = worker; i < bound.sockets.size(); i += serving_) share.push_back(bound.sockets[i].get());
  return share;
}

void Supervisor::retire() {
  std::erase_if(sockets_, [this](const auto& entry) {
    return std::find(in_force_.begin(), in_force_.end(), entry.first) == in_force_.end();
  });
}

void Supervisor::stop() {
  process_->offload.stop();   // what it would tell goes next
  for (auto& worker : workers_) worker->stop();
}

}  // namespace sluice::control

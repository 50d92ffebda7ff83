#include "control/file_watch.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace sluice::control {

void FileWatch::watch(std::vector<std::shared_ptr<policy::LiveFiles>> files) {
  std::lock_guard lock(mutex_);
  wanted_ = std::move(files);
  ++version_;
  changed_.notify_one();
  if (!thread_.joinable() && !wanted_.empty()) thread_ = std::thread([this] { run(); });
}

void FileWatch::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

void FileWatch::run() {
  pthread_setname_np(pthread_self(), "files");
  std::vector<Watched> watched;
  uint64_t version = 0;
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (version != std::exchange(version, version_)) {
      std::vector<Watched> before = std::exchange(watched, {});
      for (const auto& live : wanted_) {
        auto known = std::ranges::find(before, live, &Watched::live);
        if (known != before.end()) {
          watched.push_back(std::move(*known));
          continue;
        }
        Watched& fresh = watched.emplace_back();
        fresh.live = live;
        fresh.files = live->files();
        fresh.stamps.resize(fresh.files.size());
      }
    }
    lock.unlock();
    for (Watched& one : watched) look(one);
    lock.lock();
    changed_.wait_for(lock, kEvery, [&] { return stopping_ || version != version_; });
  }
}

void FileWatch::look(Watched& watched) {
  bool moved = false;
  for (size_t i = 0; i < watched.files.size(); ++i) {
    FileStamp stamp = stamp_of(watched.files[i]);
    moved |= stamp != std::exchange(watched.stamps[i], stamp);
  }
  watched.due |= moved;
  if (moved && ++watched.restless < kRestlessMax) return;
  if (watched.due) read(watched);
}

void FileWatch::read(Watched& watched) {
  watched.due = false;
  watched.restless = 0;
  auto done = watched.live->read();
  if (done) {
    LOG(info, "files read", kv("of", watched.live->name()), kv("now", done->text));
  } else {
    LOG(error, "files refused: what is in use stays", kv("of", watched.live->name()), kv("file", watched.files.front()),
        kv("reason", done.error()));
  }
  using Outcome = Change::Outcome;
  witness_->on_change({"files_read", watched.live->name(), done ? Outcome::applied : Outcome::refused,
                       done ? done->text : done.error()});
}

}  // namespace sluice::control

// Live values that are made of files (policy/live_files.h): looks at the files five times a second, and has them read
// once they have come to rest. On a thread of its own, so that a file of a million keys holds up nothing.
// Polls, for the reasons of control/certificate_watch.h.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "control/change.h"
#include "control/file_stamp.h"
#include "policy/live_files.h"

namespace sluice::control {

class FileWatch {
 public:
  /// A change is in force after two looks: within half a second, and the time that reading takes. What a revocation
  /// promises (a second) holds with room.
  static constexpr std::chrono::milliseconds kEvery{200};
  /// A file that never comes to rest is read after this many looks.
  static constexpr unsigned kRestlessMax = 3;

  explicit FileWatch(ChangeWitness& witness) : witness_(&witness) {}
  FileWatch(const FileWatch&) = delete;
  ~FileWatch() { stop(); }

  /// Watches these, and nothing else any more.
  void watch(std::vector<std::shared_ptr<policy::LiveFiles>> files);
  void stop();

 private:
  struct Watched {
    std::shared_ptr<policy::LiveFiles> live;
    std::vector<std::string> files;
    std::vector<FileStamp> stamps;
    bool due = true;         // read once when it is first looked at: it may have changed since it was built
    unsigned restless = 0;   // looks that each saw another change
  };

  void run();
  void look(Watched& watched);
  void read(Watched& watched);

  ChangeWitness* witness_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::shared_ptr<policy::LiveFiles>> wanted_;   // guarded
  uint64_t version_ = 0;                                     // of wanted_; guarded
  bool stopping_ = false;                                    // guarded
  std::thread thread_;
};

}  // namespace sluice::control

// What tells that a file may have changed; symlinks are followed.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cerrno>
#include <compare>
#include <cstdint>
#include <string>

namespace sluice::control {

struct FileStamp {
  dev_t device = 0;
  ino_t file = 0;
  off_t size = 0;
  int64_t modified = 0;   // nanoseconds
  int64_t changed = 0;    // of the inode: no program can set it back
  int error = 0;
  auto operator<=>(const FileStamp&) const = default;
};

inline FileStamp stamp_of(const std::string& path) {
  constexpr int64_t kNanoseconds = 1'000'000'000;
  struct stat status {};
  FileStamp stamp;
  if (::stat(path.c_str(), &status) != 0) {
    stamp.error = errno;
    return stamp;
  }
  stamp.device = status.st_dev;
  stamp.file = status.st_ino;
  stamp.size = status.st_size;
  stamp.modified = status.st_mtim.tv_sec * kNanoseconds + status.st_mtim.tv_nsec;
  stamp.changed = status.st_ctim.tv_sec * kNanoseconds + status.st_ctim.tv_nsec;
  return stamp;
}

}  // namespace sluice::control

#include "plugin/library.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "base/hash.h"

namespace sluice::plugin {
namespace {

constexpr const char* kEntry = "sluice_plugin_entry";
/// Up to the version: the same in every major version, so that it can be told.
constexpr size_t kVersionEnd = offsetof(sluice_plugin, abi_minor) + sizeof(uint16_t);
/// What a plugin of ABI 1.0 has. Not sizeof: the table grows.
constexpr size_t kTableBytesMin = offsetof(sluice_plugin, on_response) + sizeof(void*);

Fault fault(Fault::Kind kind, std::string why) {
  return {kind, std::move(why)};
}

Fault system_fault(int error) {
  auto kind = error == EACCES || error == EPERM ? Fault::Kind::denied : Fault::Kind::unreadable;
  return fault(kind, std::strerror(error));
}

/// Anybody may write it. A folder with the sticky bit lets nobody replace the file of another.
bool is_open_to_all(const struct stat& facts) {
  bool sticky_folder = S_ISDIR(facts.st_mode) && (facts.st_mode & S_ISVTX) != 0;
  return (facts.st_mode & S_IWOTH) != 0 && !sticky_folder;
}

/// gives: what is at `path` now
Result<struct stat, Fault> judge(const std::string& path) {
  struct stat facts {};
  // Not fopen: a FIFO would hold us up.
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return system_fault(errno);
  int failed = ::fstat(fd, &facts);
  int error = errno;
  ::close(fd);
  if (failed != 0) return system_fault(error);
  if (!S_ISREG(facts.st_mode)) return fault(Fault::Kind::invalid, "it is no regular file");
  if (is_open_to_all(facts)) {
    return fault(Fault::Kind::unsafe, "everybody may write it: chmod o-w");
  }
  struct stat folder {};
  std::string parent = path.substr(0, std::max<size_t>(path.rfind('/'), 1));
  if (::stat(parent.c_str(), &folder) == 0 && is_open_to_all(folder)) {
    return fault(Fault::Kind::unsafe, "everybody may replace it: its folder is writable for all");
  }
  return facts;
}

/// Whether `address` lies in a mapping of that very file. By inode alone: overlay file systems show
/// the device of a layer here.
bool is_mapped_from(const void* address, const struct stat& facts) {
  std::ifstream maps("/proc/self/maps");
  auto wanted = reinterpret_cast<uintptr_t>(address);
  for (std::string line; std::getline(maps, line);) {
    uintptr_t begin = 0, end = 0;
    unsigned device_major = 0, device_minor = 0;
    uint64_t inode = 0;
    int read = std::sscanf(line.c_str(), "%" SCNxPTR "-%" SCNxPTR " %*s %*s %x:%x %" SCNu64, &begin,
                           &end, &device_major, &device_minor, &inode);
    if (read != 5 || wanted < begin || wanted >= end) continue;
    return inode == facts.st_ino;
  }
  return true;  // no /proc: nothing is known against it
}

std::string version(unsigned major, unsigned minor) {
  return std::to_string(major) + "." + std::to_string(minor);
}

/// The loader's words without the path, which the message has already.
std::string loader_words(const std::string& path) {
  const char* words = ::dlerror();
  std::string out = words ? words : "it cannot be loaded";
  return out.starts_with(path + ": ") ? out.substr(path.size() + 2) : out;
}

}  // namespace

Result<std::shared_ptr<const Library>, Fault> Library::open(const std::string& file,
                                                            uint16_t abi_minor) {
  // An absolute path: for a bare name dlopen would search elsewhere.
  std::unique_ptr<char, decltype(&::free)> real(::realpath(file.c_str(), nullptr), &::free);
  if (!real) return system_fault(errno);
  std::string path = real.get();
  auto facts = judge(path);
  if (!facts) return facts.error();
  // dlopen gives what it has under a path once more, even if another file is there by now.
  void* loaded_before = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
  if (loaded_before) ::dlclose(loaded_before);  // counted anew below
  void* handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) return fault(Fault::Kind::invalid, loader_words(path));
  std::shared_ptr<Library> library(new Library(handle));
  void* entry = ::dlsym(handle, kEntry);
  if (entry == nullptr) {
    return fault(Fault::Kind::invalid,
                 "it is no plugin: it does not export " + std::string(kEntry));
  }
  if (loaded_before && !is_mapped_from(entry, *facts)) {
    return fault(Fault::Kind::invalid,
                 "the loaded file was replaced: give the new one another name, or restart");
  }
  if (auto read = library->read_table(abi_minor); !read) return read.error();
  library->fingerprint_ = fingerprint_of(path).value_or(0);
  return std::shared_ptr<const Library>(std::move(library));
}

std::optional<uint64_t> Library::fingerprint_of(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  uint64_t state = fnv1a("");
  char piece[16 * 1024];
  do {
    in.read(piece, sizeof(piece));
    state = fnv1a({piece, static_cast<size_t>(in.gcount())}, state);
  } while (in);
  if (!in.eof()) return {};
  return state;
}

Library::~Library() {
  ::dlclose(handle_);
}

Result<void, Fault> Library::read_table(uint16_t abi_minor) {
  auto entry = reinterpret_cast<const sluice_plugin* (*)()>(::dlsym(handle_, kEntry));
  const sluice_plugin* theirs = entry();
  if (theirs == nullptr) return fault(Fault::Kind::invalid, "its entry gives no table");
  std::memcpy(&table_, theirs, kVersionEnd);
  std::string built_for = "it was built for ABI " + version(table_.abi_major, table_.abi_minor);
  std::string ours = "this gateway has " + version(SLUICE_ABI_MAJOR, abi_minor);
  if (table_.abi_major != SLUICE_ABI_MAJOR) {
    return fault(Fault::Kind::invalid, built_for + "; " + ours + ": build it anew");
  }
  if (table_.abi_minor > abi_minor) {
    return fault(Fault::Kind::invalid, built_for + "; " + ours + ": update the gateway");
  }
  if (table_.size < kTableBytesMin) {
    return fault(Fault::Kind::invalid, "its table has " + std::to_string(table_.size) +
                                           " bytes; ABI 1.0 has " + std::to_string(kTableBytesMin));
  }
  std::memcpy(&table_, theirs, std::min<size_t>(table_.size, sizeof(table_)));
  if (table_.name == nullptr || table_.version == nullptr) {
    return fault(Fault::Kind::invalid, "it has no name or no version");
  }
  return {};
}

}  // namespace sluice::plugin

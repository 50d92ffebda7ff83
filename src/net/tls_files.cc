#include "net/tls_files.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "base/hash.h"

namespace sluice::net {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int number() const { return number_; }

 private:
  int number_;
};

TlsFault system_fault(const std::string& path, int number) { return {path, strerror(number)}; }

}  // namespace

TlsFiles::~TlsFiles() {
  for (File& file : files_) OPENSSL_cleanse(file.text.data(), file.text.size());
}

Result<TlsFiles, TlsFault> TlsFiles::read(const std::vector<std::string>& paths) {
  TlsFiles files;
  files.files_.reserve(paths.size());   // a text that is moved may leave a copy behind
  for (const std::string& path : paths) {
    if (auto added = files.add(path); !added) return added.error();
  }
  return files;
}

Result<void, TlsFault> TlsFiles::add(const std::string& path) {
  // Without O_NONBLOCK a pipe in the file's place would hold the thread.
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.number() < 0) return system_fault(path, errno);
  struct stat status {};
  if (::fstat(file.number(), &status) != 0) return system_fault(path, errno);
  if (!S_ISREG(status.st_mode)) return TlsFault{path, "not a regular file"};
  if (static_cast<uint64_t>(status.st_size) > kFileBytesMax) {
    return TlsFault{path, "larger than 32 MiB"};
  }
  File& read = files_.emplace_back(File{path, {}});
  read.text.resize(static_cast<size_t>(status.st_size));
  size_t used = 0;
  while (used < read.text.size()) {
    ssize_t got = ::read(file.number(), read.text.data() + used, read.text.size() - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_fault(path, errno);
    if (got == 0) break;
    used += static_cast<size_t>(got);
  }
  read.text.resize(used);
  return {};
}

std::string_view TlsFiles::text(std::string_view path) const {
  auto found = std::find_if(files_.begin(), files_.end(),
                            [&](const File& file) { return file.path == path; });
  CHECK(found != files_.end());
  return found->text;
}

uint64_t TlsFiles::fingerprint() const {
  uint64_t state = fnv1a("");
  for (const File& file : files_) {
    uint64_t size = file.text.size();   // so that bytes cannot wander from one file to the next
    state = fnv1a({reinterpret_cast<const char*>(&size), sizeof(size)}, state);
    state = fnv1a(file.text, state);
  }
  return state;
}

}  // namespace sluice::net

#include "snapshot/secrets.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace sluice::snapshot {
namespace {

using Kind = config::SecretSource::Kind;

// Not by a stream: its buffer would keep a copy.
Result<crypto::Secret, std::string> read_file(const std::string& path) {
  int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return "cannot read " + path + ": " + std::strerror(errno);
  std::string bytes(kSecretBytesMax + 1, '\0');
  size_t size = 0;
  ssize_t got = 0;
  while (size < bytes.size() && (got = ::read(file, bytes.data() + size, bytes.size() - size)) > 0)
    size += static_cast<size_t>(got);
  int error = got < 0 ? errno : 0;
  ::close(file);
  if (error != 0) return "cannot read " + path + ": " + std::strerror(error);
  if (size > kSecretBytesMax) return path + " is larger than " + std::to_string(kSecretBytesMax) + " bytes";
  bytes.resize(size);
  return crypto::Secret(std::move(bytes));
}

Result<crypto::Secret, std::string> without_line_end(const crypto::Secret& secret, const std::string& place) {
  std::string_view bytes = secret.bytes();
  if (bytes.ends_with('\n')) bytes.remove_suffix(1);
  if (bytes.ends_with('\r')) bytes.remove_suffix(1);
  if (bytes.empty()) return place + " is empty";
  return crypto::Secret(std::string(bytes));
}

}  // namespace

Result<crypto::Secret, std::string> read_secret(const config::SecretSource& source,
                                                config::Environment environment) {
  std::string path = source.place;
  if (source.kind == Kind::environment) {
    std::optional<std::string> value = environment(source.place);
    if (!value) return "the environment has no " + source.place;
    return without_line_end(crypto::Secret(std::move(*value)), "the variable " + source.place);
  }
  if (source.kind == Kind::credential) {
    std::optional<std::string> folder = environment("CREDENTIALS_DIRECTORY");
    if (!folder) return std::string("the environment has no CREDENTIALS_DIRECTORY: systemd sets it for a service with LoadCredential=");
    path = *folder + "/" + source.place;
  }
  auto secret = read_file(path);
  if (!secret) return secret.error();
  return without_line_end(*secret, path);
}

}  // namespace sluice::snapshot

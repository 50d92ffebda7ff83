// Places on disk that are written: logs, and sockets of this machine.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/text.h"
#include "snapshot/config_check.h"

namespace sluice::snapshot {

using config::Document;
using config::IssueKind;
using config::quoted_path;
using config::Severity;

namespace {

// It may be made just before the service starts, as systemd makes those of a unit.
constexpr IssueKind kFolderMissing{"folder_missing", Severity::unchecked};
constexpr IssueKind kLogIsFolder{"log_is_folder"};
constexpr IssueKind kLogUnread{"log_unread", Severity::unchecked};   // its reader may come before the service
constexpr IssueKind kNoSocket{"socket_is_file"};

/// gives: 0, or why there is nothing to be seen
int look(const std::string& path, struct stat& found) { return ::stat(path.c_str(), &found) == 0 ? 0 : errno; }

void check_folder(const std::string& path, config::Position at, std::string_view what, Document& document) {
  size_t slash = path.rfind('/');
  if (slash == std::string::npos || slash == 0) return;
  std::string folder = path.substr(0, slash);
  if (folder.starts_with("/run/")) return;   // empty after each start of the machine: made for the service (RuntimeDirectory)
  struct stat found{};
  int error = look(folder, found);
  if (error == 0 && !S_ISDIR(found.st_mode)) error = ENOTDIR;
  if (error == 0) return;
  document.issues.add(kFolderMissing, at, "no folder " + quoted_path(folder) + " for " + std::string(what) + ": " + std::strerror(error)).note =
      "the service does not start without it";
}

// A pipe is opened for writing only while somebody reads from it.
bool is_unread(const std::string& path) {
  int file = ::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (file < 0) return errno == ENXIO;
  ::close(file);
  return false;
}

void check_log(const std::string& path, config::Position at, Document& document) {
  if (path.empty()) return;
  struct stat found{};
  if (look(path, found) != 0) return check_folder(path, at, "the log", document);
  if (S_ISDIR(found.st_mode)) {
    document.issues.add(kLogIsFolder, at, quoted_path(path) + " is a folder, no file for a log");
  } else if (S_ISFIFO(found.st_mode) && is_unread(path)) {
    document.issues.add(kLogUnread, at, quoted_path(path) + " is a pipe that nobody reads").note =
        "the service does not start before somebody does";
  }
}

void check_log(const observe::LogFileName& name, Document& document) {
  if (!name.is_stdout() && !name.is_stderr()) check_log(name.path, name.at, document);
}

void check_socket(const config::Placed<net::SocketAddress>& address, Document& document) {
  if (!address.value.is_unix()) return;
  const std::string path(address.value.path());
  struct stat found{};
  if (::lstat(path.c_str(), &found) != 0) return check_folder(path, address.at, "the socket", document);
  if (S_ISSOCK(found.st_mode)) return;
  document.issues.add(kNoSocket, address.at,
                      quoted_path(path) + (S_ISDIR(found.st_mode) ? " is a folder: no socket can be made there" : " is a file that is no socket"));
}

}  // namespace

void check_places(const Config& config, Document& document) {
  check_log(config.log.error.file, document);
  if (config.log.access) check_log(config.log.access->file, document);
  if (config.log.audit) check_log(config.log.audit->file.path, config.log.audit->file.at, document);
  if (config.admin && config.admin->control) check_socket(*config.admin->control, document);
  for (const auto& listen : config.listen) check_socket(listen.value.address, document);
}

}  // namespace sluice::snapshot

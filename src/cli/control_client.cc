#include "cli/control_client.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <sstream>

#include "base/text.h"
#include "config/file_text.h"
#include "net/address.h"
#include "snapshot/config.h"

namespace sluice::cli {
namespace {

constexpr size_t kAnswerMax = 32 * 1024 * 1024;   // a report names a thousand issues at most, a page 5,000 keys

using Address = Result<net::SocketAddress, std::string>;

constexpr std::string_view kUsualSocket = "unix:/run/sluice/control.sock";   // of the package, and of docs/
constexpr size_t kFileBytesMax = 16 << 20;

/// Of a file that is no TOML at the moment: the line that looks like `control = "unix:..."`. gives: nothing when none does
std::optional<net::SocketAddress> control_line(const std::string& file) {
  std::string why;
  auto text = config::read_file_text(file, kFileBytesMax, why, std::chrono::milliseconds(0));
  if (!text) return std::nullopt;
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    size_t open = line.find('"'), shut = line.find('"', open + 1);
    if (shut == std::string::npos || trim_ows(std::string_view(line).substr(0, line.find('='))) != "control") continue;
    auto address = net::SocketAddress::parse(std::string_view(line).substr(open + 1, shut - open - 1));
    if (address && address->is_unix()) return *address;
  }
  return std::nullopt;
}

/// A file with errors may still say where its control socket is: the gateway reports the errors, and remembers that it
/// was asked.
Address address_in(const std::string& file) {
  snapshot::LoadedConfig loaded = snapshot::load_config(file);
  const auto& admin = loaded.config.admin;
  if (admin && admin->control && admin->control->value.is_unix()) return admin->control->value;
  if (loaded.has_errors()) {
    if (auto found = control_line(file)) return *found;
    auto usual = net::SocketAddress::parse(kUsualSocket);
    if (::access(usual->path().c_str(), F_OK) == 0) return *usual;
    std::fputs(loaded.issues_text().c_str(), stderr);
    return file + " does not tell the control socket: mend it, or give --control";
  }
  return file + " names no control socket ([admin] control = \"unix:...\"); without one there is SIGHUP, and the error "
                "log says how a reload went";
}

Address address_of(const ControlOptions& control) {
  if (control.socket.empty()) return address_in(control.file);
  auto address = net::SocketAddress::parse(control.socket);
  if (!address || !address->is_unix()) return "no control socket: " + control.socket + " (such as " + std::string(kUsualSocket) + ")";
  return *address;
}

class Client {
 public:
  Client() : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
  Client(const Client&) = delete;
  ~Client() { if (socket_ >= 0) close(socket_); }

  bool connect(const net::SocketAddress& address, unsigned timeout_seconds) {
    timeval patience{static_cast<time_t>(timeout_seconds), 0};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    sockaddr_storage storage;
    socklen_t size = address.fill(storage);
    return ::connect(socket_, reinterpret_cast<sockaddr*>(&storage), size) == 0;
  }
  /// gives: the whole answer; empty when none came
  std::string ask(const std::string& request) {
    std::string answer;
    if (send(socket_, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) return answer;
    char piece[16 * 1024];
    while (answer.size() < kAnswerMax) {
      ssize_t got = recv(socket_, piece, sizeof(piece), 0);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return {};
      if (got == 0) break;
      answer.append(piece, static_cast<size_t>(got));
    }
    return answer;
  }

 private:
  int socket_;
};

}  // namespace

Result<ControlAnswer, std::string> ask_control(const ControlOptions& control, std::string_view method,
                                               std::string_view target) {
  Address address = address_of(control);
  if (!address) return address.error();
  std::string path = address->to_string();
  Client client;
  if (!client.connect(*address, control.timeout_seconds))
    return "cannot reach the gateway at " + path + ": " + std::strerror(errno);
  std::string answer = client.ask(std::string(method) + ' ' + std::string(target) +
                                  " HTTP/1.1\r\nHost: control\r\nConnection: close\r\nAccept: text/plain\r\n"
                                  "Content-Length: 0\r\n\r\n");
  size_t body = answer.find("\r\n\r\n");
  if (!answer.starts_with("HTTP/1.1 ") || body == std::string::npos) {
    return "no answer from the gateway at " + path + " within " + std::to_string(control.timeout_seconds) +
           " s: what was asked for may still go on, its error log will say";
  }
  auto status = parse_decimal(std::string_view(answer).substr(9, 3));
  return ControlAnswer{static_cast<int>(status.value_or(0)), answer.substr(body + 4)};
}

}  // namespace sluice::cli

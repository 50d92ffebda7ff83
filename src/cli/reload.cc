// `sluice reload [FILE]`: asks over the control socket and waits for the outcome.
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "cli/commands.h"
#include "net/address.h"
#include "snapshot/config.h"

namespace sluice::cli {
namespace {

constexpr int kRefused = 1;
constexpr int kNoAnswer = 2;
constexpr size_t kAnswerMax = 4 * 1024 * 1024;   // a report names a thousand issues at most

int no_answer(const std::string& text) {
  std::fprintf(stderr, "sluice: %s\n", text.c_str());
  return kNoAnswer;
}

/// A file with errors may still say where its control socket is: the gateway reports the errors.
/// gives: empty when it does not, said on stderr
std::string control_of(const std::string& file) {
  snapshot::LoadedConfig loaded = snapshot::load_config(file);
  const auto& admin = loaded.config.admin;
  if (admin && admin->control) return admin->control->value.to_string();
  if (loaded.has_errors()) {
    std::fputs(loaded.issues_text().c_str(), stderr);
    no_answer(file + " does not tell the control socket: mend it, or give --control");
  } else {
    no_answer(file + " names no control socket ([admin] control = \"unix:...\"); SIGHUP reloads without one, and "
              "the error log says how it went");
  }
  return {};
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

int run_reload(const ReloadOptions& options) {
  std::string control = options.control.empty() ? control_of(options.file) : options.control;
  if (control.empty()) return kNoAnswer;
  auto address = net::SocketAddress::parse(control);
  if (!address || !address->is_unix()) return no_answer("no control socket: " + control);
  Client client;
  if (!client.connect(*address, options.timeout_seconds)) {
    return no_answer("cannot reach the gateway at " + control + ": " + std::strerror(errno));
  }
  std::string answer = client.ask(
      "POST /reload HTTP/1.1\r\nHost: control\r\nConnection: close\r\nAccept: text/plain\r\nContent-Length: 0\r\n\r\n");
  size_t body = answer.find("\r\n\r\n");
  if (!answer.starts_with("HTTP/1.1 ") || body == std::string::npos) {
    return no_answer("no answer from the gateway at " + control + " within " + std::to_string(options.timeout_seconds) +
                     " s: the reload may still go on, its error log will say");
  }
  bool done = answer.compare(9, 3, "200") == 0;
  body += 4;
  std::fwrite(answer.data() + body, 1, answer.size() - body, done ? stdout : stderr);
  return done ? 0 : kRefused;
}

}  // namespace sluice::cli

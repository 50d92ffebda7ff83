// `sluice password USER`: a line for a file of users. The password comes from the terminal, unseen, or from a pipe: never
// from the command line, where every process of the machine could read it.
#include <termios.h>
#include <unistd.h>

#include <cstdio>
#include <optional>
#include <string>

#include "base/text.h"
#include "cli/commands.h"
#include "crypto/password.h"
#include "crypto/secret.h"
#include "policy/auth/user_table.h"

namespace sluice::cli {
namespace {

/// What is typed is not shown for as long as this lives.
class Unseen {
 public:
  Unseen() : terminal_(::isatty(STDIN_FILENO) == 1 && ::tcgetattr(STDIN_FILENO, &before_) == 0) {
    if (!terminal_) return;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  }
  Unseen(const Unseen&) = delete;
  ~Unseen() {
    if (terminal_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }
  bool terminal() const { return terminal_; }

 private:
  termios before_{};
  bool terminal_;
};

/// gives: one line, or what there is before the end of the input
crypto::Secret read_line() {
  std::string line(crypto::kPasswordBytesMax + 2, '\0');   // one more than is allowed, and the line's end
  size_t size = 0;
  for (char c = 0; size < line.size() && ::read(STDIN_FILENO, &c, 1) == 1 && c != '\n';) {
    line[size++] = c;
  }
  if (size > 0 && line[size - 1] == '\r') --size;
  line.resize(size);
  return crypto::Secret(std::move(line));
}

/// gives: nothing when it was typed in two ways
std::optional<crypto::Secret> ask() {
  Unseen unseen;
  if (!unseen.terminal()) return read_line();
  std::fputs("Password: ", stderr);
  crypto::Secret first = read_line();
  std::fputs("\nOnce more: ", stderr);
  crypto::Secret second = read_line();
  std::fputs("\n", stderr);
  if (first.bytes() == second.bytes()) return first;
  std::fputs("sluice: these were not the same\n", stderr);
  return std::nullopt;
}

/// gives: null, or why it is no password
const char* fault_of(std::string_view password, const PasswordOptions& options) {
  for (char c : password) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return "a password holds no control characters";
  }
  for (std::string_view rest = password; !rest.empty();) {
    size_t bytes = utf8_sequence(rest);
    if (bytes == 0) return "a password is UTF-8";
    rest.remove_prefix(bytes);
  }
  if (password.empty()) return "an empty password is none";
  if (password.size() > crypto::kPasswordBytesMax) return "a password has at most 256 bytes";
  if (options.bcrypt && password.size() > 72) return "of a password bcrypt counts the first 72 bytes only";
  return nullptr;
}

}  // namespace

int run_password(const PasswordOptions& options) {
  const std::string& user = options.user;
  bool named = !user.empty() && user.size() <= policy::kUserBytesMax && user.find(':') == user.npos &&
               user.front() != '#' && user.find_first_of("\r\n") == user.npos;
  if (!named) {
    std::fputs("sluice: a user name has 1 to 255 bytes, no colon, and does not begin with #\n", stderr);
    return 1;
  }
  auto password = ask();
  if (!password) return 1;
  if (const char* fault = fault_of(password->bytes(), options)) {
    std::fprintf(stderr, "sluice: %s\n", fault);
    return 1;
  }
  std::string hash =
      options.bcrypt ? crypto::hash_bcrypt(password->bytes()) : crypto::hash_argon2id(password->bytes());
  std::printf("%s:%s\n", user.c_str(), hash.c_str());
  return 0;
}

}  // namespace sluice::cli

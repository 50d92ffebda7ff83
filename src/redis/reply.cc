#include "redis/reply.h"

#include <algorithm>

#include "base/text.h"
#include "redis/slot.h"

namespace sluice::redis {
namespace {

struct Word {
  std::string_view word;
  ErrorKind kind;
};
// From the sources of Redis 7.0 (server.c, createSharedObjects; cluster.c).
constexpr Word kWords[] = {
    {"NOSCRIPT", ErrorKind::no_script},     {"MOVED", ErrorKind::moved},
    {"ASK", ErrorKind::ask},                {"TRYAGAIN", ErrorKind::try_again},
    {"LOADING", ErrorKind::loading},        {"READONLY", ErrorKind::read_only},
    {"MASTERDOWN", ErrorKind::master_down}, {"CLUSTERDOWN", ErrorKind::cluster_down},
    {"OOM", ErrorKind::out_of_memory},      {"BUSY", ErrorKind::busy},
    {"MISCONF", ErrorKind::write_stopped},  {"NOREPLICAS", ErrorKind::write_stopped},
    {"NOAUTH", ErrorKind::no_auth},         {"WRONGPASS", ErrorKind::no_auth},
    {"NOPERM", ErrorKind::denied},
};

std::string_view take_word(std::string_view& text) {
  std::string_view word = text.substr(0, text.find(' '));
  text.remove_prefix(std::min(text.size(), word.size() + 1));
  return word;
}

}  // namespace

ErrorKind error_kind(std::string_view text) {
  std::string_view word = take_word(text);
  for (const Word& known : kWords) {
    if (word == known.word) return known.kind;
  }
  return ErrorKind::command;
}

std::string_view error_kind_name(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::none: return "none";
    case ErrorKind::command: return "command";
    case ErrorKind::denied: return "denied";
    case ErrorKind::no_script: return "no_script";
    case ErrorKind::moved: return "moved";
    case ErrorKind::ask: return "ask";
    case ErrorKind::try_again: return "try_again";
    case ErrorKind::loading: return "loading";
    case ErrorKind::read_only: return "read_only";
    case ErrorKind::master_down: return "master_down";
    case ErrorKind::cluster_down: return "cluster_down";
    case ErrorKind::out_of_memory: return "out_of_memory";
    case ErrorKind::busy: return "busy";
    case ErrorKind::write_stopped: return "write_stopped";
    case ErrorKind::no_auth: return "no_auth";
  }
  return "none";
}

bool is_unfit(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::none:
    case ErrorKind::command:
    case ErrorKind::denied:
    case ErrorKind::no_script: return false;
    case ErrorKind::moved:      // those that are left when we have followed far enough
    case ErrorKind::ask:
    case ErrorKind::try_again:
    case ErrorKind::loading:
    case ErrorKind::read_only:
    case ErrorKind::master_down:
    case ErrorKind::cluster_down:
    case ErrorKind::out_of_memory:
    case ErrorKind::busy:
    case ErrorKind::write_stopped:
    case ErrorKind::no_auth: return true;
  }
  return false;
}

std::optional<Redirect> parse_redirect(std::string_view text) {
  std::string_view word = take_word(text);
  if (word != "MOVED" && word != "ASK") return {};
  auto slot = parse_decimal(take_word(text));
  size_t colon = text.rfind(':');   // IPv6 addresses come without brackets
  if (!slot || *slot >= kSlots || colon == text.npos) return {};
  auto port = parse_decimal(text.substr(colon + 1));
  if (!port || *port == 0 || *port > 65535) return {};
  return Redirect{static_cast<uint16_t>(*slot), text.substr(0, colon),
                  static_cast<uint16_t>(*port)};
}

}  // namespace sluice::redis

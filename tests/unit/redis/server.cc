#include "unit/redis/server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

namespace sluice::redis {
namespace {

int bound_socket(uint16_t& port) {
  int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  at.sin_port = htons(port);
  EXPECT_EQ(bind(socket, reinterpret_cast<sockaddr*>(&at), sizeof(at)), 0);
  socklen_t size = sizeof(at);
  getsockname(socket, reinterpret_cast<sockaddr*>(&at), &size);
  port = ntohs(at.sin_port);
  return socket;
}

std::string text_of(const redisReply& reply) {
  switch (reply.type) {
    case REDIS_REPLY_INTEGER: return std::to_string(reply.integer);
    case REDIS_REPLY_NIL: return "(nil)";
    case REDIS_REPLY_ARRAY: {
      std::string all;
      for (size_t i = 0; i < reply.elements; ++i) {
        all += (i ? " " : "") + text_of(*reply.element[i]);
      }
      return all;
    }
    default: return {reply.str, static_cast<size_t>(reply.len)};
  }
}

}  // namespace

// Cluster nodes also take port + 10000: it must fit. Below the range of ports that connections get.
uint16_t free_port() {
  static uint16_t next = static_cast<uint16_t>(12'000 + getpid() % 8'000);
  for (;;) {
    uint16_t port = next++;
    int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    at.sin_port = htons(port);
    bool free = bind(socket, reinterpret_cast<sockaddr*>(&at), sizeof(at)) == 0;
    close(socket);
    if (free) return port;
  }
}

RedisServer::RedisServer(ServerSpec spec) : spec_(std::move(spec)) {
  char folder[] = "/tmp/sluice-redis-XXXXXX";
  folder_ = mkdtemp(folder);
  if (spec_.port == 0) spec_.port = free_port();
  start();
}

RedisServer::~RedisServer() {
  kill();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void RedisServer::start() {
  ASSERT_EQ(pid_, -1);
  std::string config = folder_ + "/redis.conf";
  if (!std::filesystem::exists(config)) {
    std::ofstream out(config);
    bool tls = !spec_.certificate.empty();
    out << "bind 127.0.0.1\n" << (tls ? "port 0\ntls-port " : "port ") << spec_.port << "\n";
    if (tls) {
      out << "tls-cert-file " << spec_.certificate << "\ntls-key-file " << spec_.key << "\ntls-ca-cert-file "
          << spec_.authority << "\n";
    }
    out << "unixsocket " << path() << "\ndir " << folder_ << "\n" << spec_.config;
    if (!spec_.sentinel) out << "save \"\"\nappendonly no\nrepl-diskless-sync-delay 0\n";
  }
  std::vector<std::string> words = {"redis-server", config};
  if (spec_.sentinel) words.push_back("--sentinel");
  words.insert(words.end(), spec_.arguments.begin(), spec_.arguments.end());
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  std::string log = folder_ + "/log";
  pid_ = fork();
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int out = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(out, 1);
    dup2(out, 2);
    execvp("redis-server", arguments.data());
    _exit(127);
  }
  for (int tries = 0; tries < 2'000 && !answers(); ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  ASSERT_TRUE(answers()) << "redis-server did not start: is the package redis-server installed?";
}

bool RedisServer::answers() {
  redisContext* context = redisConnectUnix(path().c_str());
  bool there = context && context->err == 0;
  if (there) {
    auto* reply = static_cast<redisReply*>(redisCommand(context, "PING"));
    there = reply != nullptr;   // any: also one that wants a password
    freeReplyObject(reply);
  }
  redisFree(context);
  return there;
}

void RedisServer::kill() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void RedisServer::freeze() { ::kill(pid_, SIGSTOP); }
void RedisServer::thaw() { ::kill(pid_, SIGCONT); }

std::string RedisServer::ask(std::initializer_list<std::string> arguments) {
  redisContext* context = redisConnectUnix(path().c_str());
  if (context == nullptr || context->err != 0) {
    redisFree(context);
    return "(no connection)";
  }
  std::vector<const char*> words;
  std::vector<size_t> sizes;
  for (const std::string& argument : arguments) {
    words.push_back(argument.data());
    sizes.push_back(argument.size());
  }
  auto* reply = static_cast<redisReply*>(
      redisCommandArgv(context, static_cast<int>(words.size()), words.data(), sizes.data()));
  std::string text = reply ? text_of(*reply) : "(no reply)";
  freeReplyObject(reply);
  redisFree(context);
  return text;
}

BlackHole::BlackHole() {
  sockets_.push_back(bound_socket(port_));
  listen(sockets_[0], 0);
  for (int i = 0; i < 4; ++i) {
    int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(port_);
    (void)connect(socket, reinterpret_cast<sockaddr*>(&to), sizeof(to));
    sockets_.push_back(socket);
  }
}

BlackHole::~BlackHole() {
  for (int socket : sockets_) close(socket);
}

}  // namespace sluice::redis

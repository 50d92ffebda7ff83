// A DNS server of one name on a UDP socket, driven by the loop of the test.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "loop/loop.h"

namespace sluice::net {

class FakeDnsServer {
 public:
  explicit FakeDnsServer(Loop& loop)
      : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(socket_, reinterpret_cast<sockaddr*>(&at), sizeof(at)), 0);
    socklen_t size = sizeof(at);
    getsockname(socket_, reinterpret_cast<sockaddr*>(&at), &size);
    port_ = ntohs(at.sin_port);
    uv_poll_init(loop.uv(), &poll_, socket_);
    poll_.data = this;
    uv_poll_start(&poll_, UV_READABLE, [](uv_poll_t* handle, int, int) {
      static_cast<FakeDnsServer*>(handle->data)->answer();
    });
  }
  FakeDnsServer(const FakeDnsServer&) = delete;
  ~FakeDnsServer() {
    uv_poll_stop(&poll_);
    close(socket_);
    uv_close(reinterpret_cast<uv_handle_t*>(&poll_), nullptr);
  }
  std::string at() const { return "127.0.0.1:" + std::to_string(port_); }

  std::vector<std::string> addresses;  // IPv4, of every name; none: there is no such name
  uint32_t ttl_seconds = 1;
  int questions = 0;  // for IPv4 addresses

 private:
  void answer() {
    char query[512];
    sockaddr_in from{};
    socklen_t from_size = sizeof(from);
    ssize_t size =
        recvfrom(socket_, query, sizeof(query), 0, reinterpret_cast<sockaddr*>(&from), &from_size);
    if (size < 17) return;
    size_t end = 12;  // of the name in question
    while (query[end] != 0) end += 1 + static_cast<size_t>(query[end]);
    bool for_v4 = query[end + 2] == 1;
    if (for_v4) ++questions;
    std::string reply(query, end + 5);
    reply[2] = static_cast<char>(0x84 | (query[2] & 1));
    reply[3] = static_cast<char>(addresses.empty() ? 0x83 : 0x80);  // NXDOMAIN, or no error
    reply.replace(4, 8, std::string("\0\1\0\0\0\0\0\0", 8));
    for (const std::string& address : addresses) {
      if (for_v4) add_record(reply, address);
    }
    sendto(socket_, reply.data(), reply.size(), 0, reinterpret_cast<sockaddr*>(&from), from_size);
  }
  void add_record(std::string& reply, const std::string& address) const {
    ++reply[7];
    uint32_t ttl = htonl(ttl_seconds);
    in_addr ip{};
    EXPECT_EQ(inet_pton(AF_INET, address.c_str(), &ip), 1);
    reply += std::string("\xc0\x0c\0\1\0\1", 6);
    reply.append(reinterpret_cast<char*>(&ttl), 4);
    reply += std::string("\0\4", 2);
    reply.append(reinterpret_cast<char*>(&ip), 4);
  }

  int socket_;
  uint16_t port_ = 0;
  uv_poll_t poll_;
};

}  // namespace sluice::net

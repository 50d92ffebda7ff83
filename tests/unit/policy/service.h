// A service on loopback that policies ask over HTTP: gives every request the answer of the moment.
#pragma once

#include <string>
#include <vector>

#include "net/listener.h"
#include "unit/policy/reach.h"

namespace sluice::policy {

struct TestService {
  explicit TestService(TestReach& to) : reach(to), listener(to.loop, door) {
    EXPECT_TRUE(listener.start(socket));
    door.prepare = [this](net::End& end) {
      end.at_read = [this, &end](const Slice&) {
        size_t head = end.received.find("\r\n\r\n");
        size_t length = end.received.find("Content-Length: ");
        size_t body = length == std::string::npos ? 0 : std::stoul(end.received.substr(length + 16));
        if (head == std::string::npos || end.received.size() < head + 4 + body) return;
        asked.push_back(std::exchange(end.received, ""));
        if (answer.empty()) return;
        EXPECT_TRUE(end.send(reach.loop, answer));
      };
    };
  }
  ~TestService() {
    reach.fetcher.stop();
    door.ends.clear();
    reach.loop.settle(3);
  }
  upstream::FetchUrl url(const std::string& path) const {
    return *upstream::FetchUrl::parse("http://127.0.0.1:" + std::to_string(socket.address().port()) + path);
  }
  void say(const std::string& body, const std::string& status = "200 OK", const std::string& fields = "") {
    answer = "HTTP/1.1 " + status + "\r\n" + fields + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }

  TestReach& reach;
  net::Door door;
  net::ListenSocket socket = net::listen_on("127.0.0.1:1");
  net::Listener listener;
  std::string answer;   // empty: none comes
  std::vector<std::string> asked;
};

}  // namespace sluice::policy

#include "upstream/fetch_keep.h"

#include <gtest/gtest.h>

#include <functional>
#include <optional>

#include "fakes/dns_server.h"
#include "net/tls.h"
#include "unit/net/certificates.h"
#include "unit/net/loopback.h"

namespace sluice::upstream {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
constexpr std::string_view kEnded = "the connection ended: ";

/// A question and what came of it.
struct Question final : Fetch::Waiter {
  Question(const FetchParts& parts, FetchRequest request) : fetch(parts) { fetch.start(std::move(request), *this); }
  void on_fetched(Result<FetchResponse, std::string> fetched) override {
    EXPECT_FALSE(result) << "an answer came twice";
    result = std::move(fetched);
  }
  std::string text() const { return *result ? (*result)->body : result->error(); }

  std::optional<Result<FetchResponse, std::string>> result;
  Fetch fetch;
};

/// A server on loopback that answers each request on a connection, as `at_request` says.
class FetchKeepTest : public ::testing::Test {
 protected:
  FetchKeepTest() {
    EXPECT_TRUE(listener.start(socket));
    door.prepare = [this](net::End& end) {
      end.at_read = [this, &end](const Slice&) {
        if (!end.received.ends_with("\r\n\r\n") && !end.received.ends_with("\r\n\r\nasked")) return;
        requests.push_back(std::exchange(end.received, ""));
        at_request(end);
      };
    };
    resolver = *net::Resolver::make(loop, {.servers = dns.at()});
    keep_at_most({});
  }
  ~FetchKeepTest() override {
    questions.clear();
    kept.reset();
    door.ends.clear();
    loop.settle(3);
  }

  void keep_at_most(const FetchKeepLimits& limits) { kept.emplace(loop, limits); }
  void say(net::End& end, std::string_view text) { static_cast<void>(end.send(loop, text)); }
  FetchRequest to_server(const std::string& host = "127.0.0.1") {
    FetchRequest request;
    request.url = *FetchUrl::parse("http://" + host + ":" + std::to_string(socket.address().port()) + "/check");
    request.deadline = milliseconds(net::kSanitized ? 3000 : 1500);
    return request;
  }
  Question& start(FetchRequest request) {
    LoopTurn turn(loop);
    questions.push_back(std::make_unique<Question>(FetchParts{loop, *resolver, tls_io, &*kept}, std::move(request)));
    return *questions.back();
  }
  std::string run(FetchRequest request) {
    Question& question = start(std::move(request));
    EXPECT_TRUE(loop.until([&] { return question.result.has_value(); }));
    return question.text();
  }
  std::string run() { return run(to_server()); }
  unsigned opened() const { return questions.back()->fetch.connections(); }
  net::End& server(size_t index) { return *door.ends.at(index); }
  bool ended(size_t index) { return server(index).eof || server(index).failed; }
  [[nodiscard]] bool until_ended(size_t index) {
    return loop.until([&] { return ended(index); });
  }
  [[nodiscard]] bool until_idle(size_t count) {
    return loop.until([&] { return kept->idle() == count; });
  }
  /// Many at a time, so that each has a connection of its own.
  void run_at_once(int count, const std::string& host = "127.0.0.1") {
    std::vector<net::End*> waiting;
    auto before = std::exchange(at_request, [&](net::End& end) { waiting.push_back(&end); });
    std::vector<Question*> asked;
    for (int i = 0; i < count; ++i) asked.push_back(&start(to_server(host)));
    ASSERT_TRUE(loop.until([&] { return waiting.size() == static_cast<size_t>(count); }));
    for (net::End* end : waiting) say(*end, kOk);
    for (Question* one : asked) ASSERT_TRUE(loop.until([&] { return one->result.has_value(); }));
    at_request = std::move(before);
  }

  net::TestLoop loop;
  net::TlsIo tls_io{loop};
  net::Door door;
  net::ListenSocket socket = net::listen_on("127.0.0.1:1");
  net::Listener listener{loop, door};
  net::FakeDnsServer dns{loop};
  std::unique_ptr<net::Resolver> resolver;
  std::optional<FetchKeep> kept;
  std::vector<std::unique_ptr<Question>> questions;
  std::vector<std::string> requests;
  std::function<void(net::End&)> at_request = [this](net::End& end) { say(end, kOk); };
};

TEST_F(FetchKeepTest, serves_many_questions_over_one_connection) {
  for (int i = 0; i < 20; ++i) {
    FetchRequest request = to_server();
    if (i % 2 == 1) {
      request.method = http::Method::post;
      request.body = "asked";
    }
    EXPECT_EQ(run(std::move(request)), "ok");
    EXPECT_EQ(opened(), i == 0 ? 1u : 0u);
    EXPECT_EQ(kept->idle(), 1u);
  }
  EXPECT_EQ(door.ends.size(), 1u);
  ASSERT_EQ(requests.size(), 20u);
  EXPECT_TRUE(requests.front().starts_with("GET /check HTTP/1.1\r\n"));
  EXPECT_TRUE(requests.back().starts_with("POST /check HTTP/1.1\r\n"));
}

TEST_F(FetchKeepTest, nothing_of_one_answer_is_in_the_next) {
  at_request = [this](net::End& end) {
    say(end, requests.size() == 1 ? "HTTP/1.1 403 No\r\nContent-Type: a/b\r\nCache-Control: no-store\r\nX-Role: a\r\n"
                                    "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Role: b\r\n\r\n"
                                  : "HTTP/1.1 204 No Content\r\n\r\n");
  };
  for (int i = 0; i < 2; ++i) {
    FetchRequest request = to_server();
    request.wanted = {"X-Role"};
    EXPECT_EQ(run(std::move(request)), i == 0 ? "hello" : "");
  }
  const FetchResponse& last = **questions.back()->result;
  EXPECT_EQ(last.status, 204);
  EXPECT_EQ(last.content_type + last.cache_control, "");
  EXPECT_TRUE(last.fields.empty());
  EXPECT_EQ((*questions.front()->result)->fields.size(), 2u);
  EXPECT_EQ(door.ends.size(), 1u);
}

TEST_F(FetchKeepTest, one_that_the_server_closes_while_idle_is_gone) {
  EXPECT_EQ(run(), "ok");
  server(0).transport->finish();
  ASSERT_TRUE(until_idle(0));
  EXPECT_EQ(run(), "ok");
  EXPECT_EQ(opened(), 1u);
  server(1).transport->abort();
  ASSERT_TRUE(until_idle(0));
  EXPECT_EQ(run(), "ok");
  EXPECT_EQ(requests.size(), 3u);
}

TEST_F(FetchKeepTest, one_that_the_server_speaks_on_while_idle_is_gone) {
  EXPECT_EQ(run(), "ok");
  say(server(0), "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
  ASSERT_TRUE(until_idle(0));
  EXPECT_EQ(run(), "ok");
  EXPECT_EQ(opened(), 1u);
}

// The end is on its way while the question is: whichever is first, it is answered.
TEST_F(FetchKeepTest, a_question_that_meets_the_end_is_asked_once_more) {
  for (bool reset : {false, true}) {
    EXPECT_EQ(run(), "ok");
    size_t before = requests.size();
    Question& question = start(to_server());
    reset ? door.ends.back()->transport->abort() : door.ends.back()->transport->finish();
    ASSERT_TRUE(loop.until([&] { return question.result.has_value(); }));
    EXPECT_EQ(question.text(), "ok");
    EXPECT_EQ(opened(), 1u);
    EXPECT_LE(requests.size(), before + 2);
    kept->close();
  }
}

TEST_F(FetchKeepTest, what_a_kept_connection_loses_is_asked_once_more_and_not_twice) {
  bool closing = false;
  at_request = [&](net::End& end) { closing ? end.transport->finish() : say(end, kOk); };
  EXPECT_EQ(run(), "ok");
  closing = true;
  EXPECT_TRUE(run().starts_with(kEnded));
  EXPECT_EQ(opened(), 1u);
  EXPECT_EQ(requests.size(), 3u);   // answered, lost, lost anew
  EXPECT_TRUE(run().starts_with(kEnded));   // and on a new one never
  EXPECT_EQ(opened(), 1u);
  EXPECT_EQ(requests.size(), 4u);
  EXPECT_EQ(door.ends.size(), 3u);
}

TEST_F(FetchKeepTest, the_second_try_has_what_is_left_of_the_time) {
  bool silent = false;
  at_request = [&](net::End& end) {
    if (!silent) return say(end, kOk);
    if (requests.size() == 2) end.transport->finish();
  };
  EXPECT_EQ(run(), "ok");
  silent = true;
  FetchRequest request = to_server();
  request.deadline = milliseconds(300);
  auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(run(std::move(request)), "no whole answer in time");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(net::kSanitized ? 3 : 1));
  EXPECT_EQ(requests.size(), 3u);
}

TEST_F(FetchKeepTest, what_has_begun_to_be_answered_is_not_asked_again) {
  std::string_view part = kOk;
  at_request = [&](net::End& end) {
    say(end, part);
    if (part != kOk) end.transport->finish();
  };
  for (std::string_view begun : {"H", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no", "HTTP/1.1 102 Processing\r\n\r\n"}) {
    part = kOk;
    EXPECT_EQ(run(), "ok");
    size_t before = requests.size();
    part = begun;
    EXPECT_TRUE(run().starts_with(kEnded)) << begun;
    EXPECT_EQ(opened(), 0u);
    EXPECT_EQ(requests.size(), before + 1);
  }
}

TEST_F(FetchKeepTest, one_that_was_lost_or_silent_takes_the_others_with_it) {
  run_at_once(3);
  ASSERT_EQ(kept->idle(), 3u);
  at_request = [this](net::End& end) { requests.size() == 4 ? end.transport->finish() : say(end, kOk); };
  EXPECT_EQ(run(), "ok");
  EXPECT_EQ(kept->idle(), 1u);   // the new one
  run_at_once(3);
  at_request = [](net::End&) {};
  FetchRequest request = to_server();
  request.deadline = milliseconds(200);
  EXPECT_EQ(run(std::move(request)), "no whole answer in time");
  EXPECT_EQ(kept->idle(), 0u);
}

TEST_F(FetchKeepTest, only_what_ended_as_it_should_is_kept) {
  for (std::string_view answer :
       {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok\r\n",
        "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n"}) {
    at_request = [&](net::End& end) { say(end, answer); };
    FetchRequest request = to_server();
    request.bytes_max = 1000;
    run(std::move(request));
    EXPECT_EQ(opened(), 1u) << answer;
    EXPECT_EQ(kept->idle(), 0u) << answer;
    EXPECT_TRUE(until_ended(door.ends.size() - 1)) << answer;
  }
  at_request = [this](net::End& end) {
    say(end, "HTTP/1.1 200 OK\r\n\r\nok");
    end.transport->finish();
  };
  EXPECT_EQ(run(), "ok");
  EXPECT_EQ(kept->idle(), 0u);
}

TEST_F(FetchKeepTest, http_1_0_is_kept_where_the_server_says_so) {
  at_request = [this](net::End& end) { say(end, "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok"); };
  EXPECT_EQ(run(), "ok");
  EXPECT_EQ(run(), "ok");
  EXPECT_EQ(door.ends.size(), 1u);
}

TEST_F(FetchKeepTest, an_answer_before_the_whole_question_is_the_last_one) {
  door.prepare = [this](net::End& end) {
    end.at_read = [this, &end](const Slice&) {
      end.transport->pause_read();
      say(end, kOk);
    };
  };
  FetchRequest request = to_server();
  request.method = http::Method::post;
  request.body = std::string(size_t{16} << 20, 'x');   // more than sockets hold
  EXPECT_EQ(run(std::move(request)), "ok");
  EXPECT_EQ(kept->idle(), 0u);
}

TEST_F(FetchKeepTest, is_bounded_in_number) {
  keep_at_most({.idle = 5, .idle_to_one = 3});
  run_at_once(6);
  EXPECT_EQ(kept->idle(), 3u);
  run_at_once(3, "localhost");   // another place, in /etc/hosts
  EXPECT_EQ(kept->idle(), 5u);
  EXPECT_EQ(run(), "ok");
  EXPECT_EQ(opened(), 0u);   // the oldest have gone
  kept->limit(1);
  EXPECT_EQ(kept->idle(), 1u);
  kept->limit(0);
  EXPECT_EQ(run(), "ok");
  EXPECT_EQ(kept->idle(), 0u);
  for (size_t i = 0; i < door.ends.size(); ++i) EXPECT_TRUE(until_ended(i));
}

TEST_F(FetchKeepTest, is_bounded_in_time) {
  keep_at_most({.idle_for = milliseconds(100)});
  EXPECT_EQ(run(), "ok");
  EXPECT_TRUE(until_ended(0));
  EXPECT_EQ(kept->idle(), 0u);
  keep_at_most({.age = milliseconds(400)});
  EXPECT_EQ(run(), "ok");
  auto begin = std::chrono::steady_clock::now();
  while (door.ends.size() == 2) {   // in use all the time
    ASSERT_LT(std::chrono::steady_clock::now() - begin, seconds(10));
    EXPECT_EQ(run(), "ok");
  }
  EXPECT_GT(std::chrono::steady_clock::now() - begin, milliseconds(200));
  EXPECT_TRUE(until_ended(1));
}

TEST_F(FetchKeepTest, ends_before_the_server_does) {
  at_request = [this](net::End& end) { say(end, "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=2\r\nContent-Length: 2\r\n\r\nok"); };
  EXPECT_EQ(run(), "ok");
  auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(kept->idle(), 1u);
  EXPECT_TRUE(until_ended(0));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, milliseconds(net::kSanitized ? 5000 : 1900));
}

TEST_F(FetchKeepTest, each_place_has_its_own) {
  net::ListenSocket other = net::listen_on("127.0.0.1:1");
  net::Listener second{loop, door};
  ASSERT_TRUE(second.start(other));
  EXPECT_EQ(run(), "ok");
  EXPECT_EQ(run(to_server("localhost")), "ok");
  EXPECT_EQ(opened(), 1u);
  FetchRequest port = to_server();
  port.url.port = other.address().port();
  EXPECT_EQ(run(port), "ok");
  EXPECT_EQ(opened(), 1u);
  FetchRequest address = to_server();
  address.address = other.address();
  EXPECT_EQ(run(address), "ok");
  EXPECT_EQ(opened(), 1u);
  EXPECT_EQ(kept->idle(), 4u);
  for (const FetchRequest& again : {to_server(), to_server("localhost"), port, address}) {
    EXPECT_EQ(run(again), "ok");
    EXPECT_EQ(opened(), 0u);
  }
}

TEST_F(FetchKeepTest, over_tls_one_handshake_serves_and_other_settings_make_another) {
  net::Certificates made;
  net::CertificateFiles ca = made.make("ca", {.common_name = "test ca", .authority = true});
  net::CertificateFiles own = made.make("own", {.alternatives = "IP:127.0.0.1,DNS:id.example"}, &ca);
  auto context = net::TlsServerContext::load({.certificates = {own}});
  auto first = net::TlsClientContext::load({.ca_file = ca.certificate});
  auto second = net::TlsClientContext::load({.ca_file = ca.certificate});
  ASSERT_TRUE(context && first && second);
  door.wrap = [&](net::TransportPtr inner) { return net::accept_tls(tls_io, std::move(inner), *context); };
  auto get = [&](const FetchTrust& trust, const std::string& name = "") {
    FetchRequest request = to_server();
    request.url.scheme = http::Scheme::https;
    request.tls = trust;
    request.server_name = name;
    EXPECT_EQ(run(std::move(request)), "ok");
    return opened();
  };
  EXPECT_EQ(get(*first), 1u);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(get(*first), 0u);
  EXPECT_EQ(get(*second), 1u);   // as after a reload with another authority
  EXPECT_EQ(get(*first, "id.example"), 1u);
  EXPECT_EQ(get(*first), 0u);
  kept->close();
  EXPECT_EQ(kept->idle(), 0u);
  for (size_t i = 0; i < door.ends.size(); ++i) EXPECT_TRUE(until_ended(i));
  EXPECT_EQ(get(*first), 1u);
  server(door.ends.size() - 1).transport->finish();   // close_notify
  EXPECT_TRUE(until_idle(0));
  EXPECT_EQ(get(*first), 1u);
}

TEST_F(FetchKeepTest, a_question_that_is_stopped_leaves_nothing_behind) {
  EXPECT_EQ(run(), "ok");
  for (int turns : {0, 1, 2, 5}) {
    Question& question = start(to_server());
    loop.settle(turns);
    bool answered = question.result.has_value();
    {
      LoopTurn turn(loop);
      question.fetch.stop();
    }
    loop.settle(5);
    EXPECT_EQ(question.result.has_value(), answered);
    EXPECT_EQ(kept->idle(), answered ? 1u : 0u);
    EXPECT_EQ(run(), "ok");
  }
}

TEST_F(FetchKeepTest, the_next_question_may_be_asked_in_the_answer_of_the_last) {
  struct Twice final : Fetch::Waiter {
    void on_fetched(Result<FetchResponse, std::string> fetched) override {
      EXPECT_TRUE(fetched);
      if (++answers == 1) fetch->start(request, *this);
    }
    Fetch* fetch = nullptr;
    FetchRequest request;
    int answers = 0;
  } twice;
  Fetch fetch({loop, *resolver, tls_io, &*kept});
  twice.fetch = &fetch;
  twice.request = to_server();
  {
    LoopTurn turn(loop);
    fetch.start(twice.request, twice);
  }
  ASSERT_TRUE(loop.until([&] { return twice.answers == 2; }));
  EXPECT_EQ(fetch.connections(), 0u);
  EXPECT_EQ(door.ends.size(), 1u);
}

TEST_F(FetchKeepTest, may_go_while_connections_are_idle_and_questions_open) {
  run_at_once(2);
  at_request = [](net::End&) {};
  start(to_server());
  loop.settle(3);
  questions.clear();
  kept.reset();
  for (size_t i = 0; i < door.ends.size(); ++i) EXPECT_TRUE(until_ended(i));
}

}  // namespace
}  // namespace sluice::upstream

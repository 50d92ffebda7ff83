#include "control/key_refresh.h"

#include <gtest/gtest.h>

#include "fakes/dns_server.h"
#include "unit/control/log_lines.h"
#include "unit/net/loopback.h"

namespace sluice::control {
namespace {

using policy::JwtAlgorithm;
using policy::JwtKeySet;
using policy::JwtWorld;
using policy::RemoteKeys;

constexpr std::string_view kFirst =
    R"({"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]})";
constexpr std::string_view kSecond =
    R"({"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},)"
    R"({"kty":"OKP","crv":"Ed25519","kid":"b","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]})";

/// An issuer on loopback: /keys and its discovery document.
class KeyRefreshTest : public ::testing::Test, public KeyRefresh::Owner {
 protected:
  KeyRefreshTest() {
    EXPECT_TRUE(listener.start(socket));
    door.prepare = [this](net::End& end) {
      end.at_read = [this, &end](const Slice&) {
        if (!end.received.ends_with("\r\n\r\n")) return;
        ++asked;
        static_cast<void>(end.send(loop, answer_to(std::exchange(end.received, ""))));   // the client may have gone
        if (!keeps) end.transport->finish();
      };
    };
    resolver = *net::Resolver::make(loop, {.servers = dns.at()});
    refresh = std::make_unique<KeyRefresh>(loop, mailbox, *resolver, *this);
  }
  ~KeyRefreshTest() override {
    refresh.reset();
    mailbox.close();
    door.ends.clear();
    resolver.reset();
    loop.settle(3);
  }

  void on_change(Change change) override { changes.push_back(change.action + " " + change.target + " " + change.detail); }

  std::string base() const { return "http://127.0.0.1:" + std::to_string(socket.address().port()); }
  std::string answer_to(const std::string& request) const {
    if (status != 200) return "HTTP/1.1 " + std::to_string(status) + " No\r\nContent-Length: 0\r\n\r\n";
    std::string body = set;
    if (request.starts_with("GET /.well-known/"))
      body = "{\"issuer\":\"" + base() + "\",\"jwks_uri\":\"" + base() + "/keys\"}";
    return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }
  policy::RemoteKeysOptions options() const {
    policy::RemoteKeysOptions out;
    out.name = "auth.customers";
    out.url = *upstream::FetchUrl::parse(base() + "/keys");
    out.algorithms = policy::JwtAlgorithmSet::asymmetric();
    return out;
  }
  static std::shared_ptr<RemoteKeys> make(policy::RemoteKeysOptions from) {
    return std::make_shared<RemoteKeys>(
        std::move(from), std::make_shared<JwtWorld>(std::make_shared<const JwtKeySet>(),
                                                    std::make_shared<const policy::Revocations>()));
  }
  void watch(std::vector<std::shared_ptr<RemoteKeys>> keys) {
    LoopTurn turn(loop);
    refresh->watch(std::move(keys));
  }
  void on_keys_settled(std::shared_ptr<RemoteKeys> keys) override {
    if (keys->world().keys.generation() > 1 || keys->failing()) ++settled;   // not: told at the start
  }
  [[nodiscard]] bool until_settled(int times) {
    return loop.until([&] { return settled >= times; });
  }
  observe::KeyFacts::Issuer facts() const { return refresh->facts().issuers.at(0); }

  net::TestLoop loop;
  Mailbox mailbox{loop};
  net::Door door;
  net::ListenSocket socket = net::listen_on("127.0.0.1:1");
  net::Listener listener{loop, door};
  net::FakeDnsServer dns{loop};
  std::unique_ptr<net::Resolver> resolver;
  std::unique_ptr<KeyRefresh> refresh;
  std::vector<std::string> changes;   // that were told of
  std::string set{kFirst};
  int status = 200;
  bool keeps = false;           // connections, after an answer
  int asked = 0;
  int settled = 0;
  LogLines log;
};

TEST_F(KeyRefreshTest, fetches_at_the_start_and_at_intervals) {
  auto from = options();
  from.refresh = std::chrono::milliseconds(50);
  auto keys = make(from);
  watch({keys});
  ASSERT_TRUE(until_settled(1));
  EXPECT_EQ(keys->world().keys.current()->size(), 1u);
  EXPECT_EQ(keys->world().keys.generation(), 2u);
  ASSERT_TRUE(until_settled(3));
  EXPECT_EQ(keys->world().keys.generation(), 2u);   // the same text is no news
  set = kSecond;
  ASSERT_TRUE(loop.until([&] { return keys->world().keys.current()->size() == 2; }));
  EXPECT_EQ(facts().keys, 2u);
  EXPECT_EQ(facts().failed, 0u);
  EXPECT_GT(facts().fetched_at, 1.7e9);
  EXPECT_EQ(changes, (std::vector<std::string>{"keys_fetched auth.customers 1 keys", "keys_fetched auth.customers 2 keys"}));
}

TEST_F(KeyRefreshTest, finds_the_keys_through_discovery) {
  auto from = options();
  from.issuer = base();
  from.url = *upstream::FetchUrl::parse(base() + "/.well-known/openid-configuration");
  auto keys = make(from);
  watch({keys});
  ASSERT_TRUE(until_settled(1));
  EXPECT_EQ(keys->world().keys.current()->size(), 1u);
  EXPECT_EQ(asked, 2);
}

TEST_F(KeyRefreshTest, asks_for_the_document_and_the_keys_over_one_connection) {
  auto from = options();
  from.issuer = base();
  from.url = *upstream::FetchUrl::parse(base() + "/.well-known/openid-configuration");
  from.refresh = std::chrono::milliseconds(50);
  keeps = true;
  auto keys = make(from);
  watch({keys});
  ASSERT_TRUE(until_settled(3));
  EXPECT_GE(asked, 6);
  EXPECT_EQ(door.ends.size(), 1u);
  watch({keys});   // a reload
  ASSERT_TRUE(loop.until([&] { return door.ends.front()->eof; }));
  ASSERT_TRUE(loop.until([&] { return door.ends.size() == 2; }));
  EXPECT_EQ(facts().failed, 0u);
}

TEST_F(KeyRefreshTest, keeps_old_keys_while_there_are_no_new_ones) {
  auto from = options();
  from.refresh = std::chrono::milliseconds(50);
  auto keys = make(from);
  watch({keys});
  ASSERT_TRUE(until_settled(1));
  for (auto [code, text] : {std::pair(500, kFirst), std::pair(200, std::string_view("<html>")),
                            std::pair(200, std::string_view("{\"keys\":[]}")), std::pair(302, kFirst)}) {
    status = code;
    set = text;
    uint64_t failed = facts().failed;
    ASSERT_TRUE(loop.until([&] { return facts().failed > failed; }));
    EXPECT_TRUE(keys->failing());
    EXPECT_EQ(keys->world().keys.current()->size(), 1u);
  }
  EXPECT_GT(log.count("token keys not fetched"), 3);
  status = 200;
  set = kSecond;
  ASSERT_TRUE(loop.until([&] { return keys->world().keys.current()->size() == 2; }));
  ASSERT_TRUE(loop.until([&] { return !keys->failing(); }));
}

TEST_F(KeyRefreshTest, drops_old_keys_when_they_were_kept_long_enough) {
  auto from = options();
  from.refresh = std::chrono::milliseconds(50);
  from.keep = std::chrono::milliseconds(300);
  auto keys = make(from);
  watch({keys});
  ASSERT_TRUE(until_settled(1));
  status = 500;
  ASSERT_TRUE(loop.until([&] { return keys->world().keys.current()->size() == 0; }));
  EXPECT_TRUE(changes.back().starts_with("keys_dropped auth.customers not fetched for too long: ")) << changes.back();
  status = 200;
  ASSERT_TRUE(loop.until([&] { return keys->world().keys.current()->size() == 1; }));
}

TEST_F(KeyRefreshTest, fetches_when_a_worker_asks) {
  auto keys = make(options());
  watch({keys});
  ASSERT_TRUE(until_settled(1));
  set = kSecond;
  TimePoint at = loop->clock().now();
  EXPECT_TRUE(keys->want(at));   // however late the last fetch at an interval was
  ASSERT_TRUE(until_settled(2));
  EXPECT_EQ(keys->world().keys.current()->size(), 2u);
  EXPECT_FALSE(keys->want(at + policy::kRefetchEvery - Duration(1)));
  EXPECT_EQ(asked, 2);
  EXPECT_TRUE(keys->want(at + policy::kRefetchEvery));
  ASSERT_TRUE(until_settled(3));
}

TEST_F(KeyRefreshTest, fetches_all_anew_at_a_reload_and_once_more_when_it_was_at_it) {
  auto keys = make(options());
  watch({keys});
  ASSERT_TRUE(until_settled(1));
  {
    LoopTurn turn(loop);
    refresh->fetch_all();
    refresh->fetch_all();   // the first may have been answered already
  }
  ASSERT_TRUE(until_settled(3));
  EXPECT_EQ(asked, 3);
  set = kSecond;
  watch({keys});   // what a reload that changed something else does
  ASSERT_TRUE(until_settled(4));
  EXPECT_EQ(keys->world().keys.current()->size(), 2u);
  loop.settle(5);
  EXPECT_EQ(asked, 4);
}

TEST_F(KeyRefreshTest, hands_keys_on_to_a_changed_table) {
  auto keys = make(options());
  watch({keys});
  ASSERT_TRUE(until_settled(1));
  status = 500;
  auto next = make(options());
  auto other = options();
  other.name = "auth.others";
  auto stranger = make(other);
  watch({next, stranger});
  EXPECT_EQ(next->world().keys.current()->size(), 1u);
  EXPECT_EQ(stranger->world().keys.current()->size(), 0u);
  ASSERT_TRUE(until_settled(3));
  EXPECT_EQ(next->world().keys.current()->size(), 1u);
  watch({});
  EXPECT_TRUE(refresh->facts().issuers.empty());
}

TEST_F(KeyRefreshTest, may_end_at_any_moment) {
  for (int turns : {0, 1, 2, 3, 5}) {
    auto keys = make(options());
    watch({keys});
    loop.settle(turns);
    watch({});
    EXPECT_TRUE(keys->want(loop->clock().now() + policy::kRefetchEvery));   // nobody hears it
  }
  auto keys = make(options());
  watch({keys});
  keys->want(loop->clock().now());
  refresh.reset();
  loop.settle(5);
}

}  // namespace
}  // namespace sluice::control

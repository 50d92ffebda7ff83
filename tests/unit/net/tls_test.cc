#include "net/tls.h"

#include <gtest/gtest.h>
#include <malloc.h>
#include <signal.h>

#include <cstring>
#include <thread>

#include "base/hash.h"
#include "unit/net/certificates.h"
#include "unit/net/loopback.h"

namespace sluice::net {
namespace {

constexpr size_t kMiB = 1 << 20;

struct TlsSetup {
  TlsServerOptions server;
  TlsClientOptions client;
  std::string name = "a.example";
};

/// A TLS listener with certificates of one test authority, and a client.
class TlsPair {
 public:
  TlsPair() : pair_() {
    signal(SIGPIPE, SIG_IGN);
    ca = made.make("ca", {.common_name = "test ca", .authority = true});
    setup.server.certificates = {
        made.make("a", {.common_name = "a", .alternatives = "DNS:a.example,IP:127.0.0.1"}, &ca),
        made.make("b", {.common_name = "b", .alternatives = "DNS:*.b.example"}, &ca)};
    setup.client.ca_file = ca.certificate;
    pair_.door.wrap = [this](TransportPtr inner) {
      return accept_tls(io, std::move(inner), server_context);
    };
  }
  ~TlsPair() {
    client().transport.reset();
    pair_.door.ends.clear();
    loop().settle(3);
  }

  void begin() {
    auto made_server = TlsServerContext::load(setup.server);
    ASSERT_TRUE(made_server) << made_server.error().file << made_server.error().reason;
    server_context = *made_server;
    auto made_client = TlsClientContext::load(setup.client);
    ASSERT_TRUE(made_client) << made_client.error().file << made_client.error().reason;
    auto begun = connect_tls(io, {pair_.socket.address(), *made_client, setup.name}, client());
    ASSERT_TRUE(begun) << begun.error().what;
    client().transport = std::move(*begun);
  }
  void connect() {
    ASSERT_NO_FATAL_FAILURE(begin());
    ASSERT_TRUE(loop().until([&] { return both_open(); }))
        << (client().failed ? client().failed->what : "");
  }
  /// A plain connection to the TLS listener.
  void connect_plain() {
    auto made_server = TlsServerContext::load(setup.server);
    ASSERT_TRUE(made_server);
    server_context = *made_server;
    ASSERT_NO_FATAL_FAILURE(pair_.connect());
  }
  SocketAddress address() const { return pair_.socket.address(); }
  bool both_open() { return client().opened && accepted() && server().opened; }
  bool accepted() const { return !pair_.door.ends.empty(); }

  TestLoop& loop() { return pair_.loop; }
  Door& door() { return pair_.door; }
  End& client() { return pair_.client; }
  End& server() { return pair_.server(); }

  Certificates made;
  CertificateFiles ca;
  TlsSetup setup;

 private:
  Pair pair_;

 public:
  TlsIo io{pair_.loop};
  std::shared_ptr<const TlsServerContext> server_context;
};

enum class Version : uint8_t { tls12, tls13 };

class Tls : public ::testing::TestWithParam<Version> {};
INSTANTIATE_TEST_SUITE_P(, Tls, ::testing::Values(Version::tls12, Version::tls13),
                         [](const auto& param) { return param.index == 0 ? "tls12" : "tls13"; });

/// Limits the server to 1.2, or not.
void allow_only(Version version, const TlsPair& pair) {
  if (version == Version::tls12) {
    SSL_CTX_set_max_proto_version(pair.server_context->ssl(), TLS1_2_VERSION);
  }
}

TEST_P(Tls, shakes_hands_and_carries_bytes_both_ways) {
  TlsPair pair;
  ASSERT_NO_FATAL_FAILURE(pair.begin());
  allow_only(GetParam(), pair);
  ASSERT_TRUE(pair.loop().until([&] { return pair.both_open(); }));
  TlsFacts facts = pair.server().transport->tls();
  EXPECT_EQ(facts.version, GetParam() == Version::tls12 ? "TLSv1.2" : "TLSv1.3");
  EXPECT_EQ(facts.cipher, GetParam() == Version::tls12 ? "ECDHE-ECDSA-AES128-GCM-SHA256"
                                                          : "TLS_AES_128_GCM_SHA256");
  EXPECT_EQ(facts.server_name, "a.example");
  EXPECT_EQ(facts.alpn, "http/1.1");
  EXPECT_EQ(pair.client().transport->tls().alpn, "http/1.1");
  EXPECT_TRUE(pair.client().transport->is_tls());
  EXPECT_TRUE(pair.client().transport->writes_late());
  ASSERT_TRUE(pair.client().send(pair.loop(), "ping"));
  ASSERT_TRUE(pair.loop().until([&] { return pair.server().received == "ping"; }));
  pair.client().transport->finish();
  ASSERT_TRUE(pair.loop().until([&] { return pair.server().eof; }));
  ASSERT_TRUE(pair.server().send(pair.loop(), "after your end"));
  pair.server().transport->finish();
  ASSERT_TRUE(pair.loop().until([&] { return pair.client().eof; }));
  EXPECT_EQ(pair.client().received, "after your end");
  EXPECT_FALSE(pair.client().send(pair.loop(), "too late"));
}

TEST_P(Tls, is_byte_exact_over_64_mb_to_a_reader_that_pauses) {
  constexpr size_t kTotal = 64'000'000;
  TlsPair pair;
  ASSERT_NO_FATAL_FAILURE(pair.begin());
  allow_only(GetParam(), pair);
  ASSERT_TRUE(pair.loop().until([&] { return pair.both_open(); }));
  End& server = pair.server();
  server.keep = false;
  size_t wrong = 0, reads = 0, sent = 0;
  server.at_read = [&](const Slice& bytes) {
    if (bytes.view() != pattern(bytes.size, server.received_bytes - bytes.size)) ++wrong;
    if (++reads % 5 == 0) server.transport->pause_read();
  };
  auto pour = [&] {
    while (sent < kTotal && pair.client().transport->queued() == 0) {
      size_t part = std::min<size_t>(kTotal - sent, 200'003);
      Chain bytes;
      bytes.append_copy(pair.loop()->blocks(), pattern(part, sent));
      ASSERT_TRUE(pair.client().transport->write(std::move(bytes)));
      sent += part;
    }
    if (sent == kTotal) pair.client().transport->finish();
  };
  pair.client().at_writable = pour;
  pour();
  int turn = 0;
  ASSERT_TRUE(pair.loop().until(
      [&] {
        if (++turn % 2 == 0) server.transport->resume_read();
        return server.eof;
      },
      seconds(120)));
  EXPECT_EQ(server.received_bytes, kTotal);
  EXPECT_EQ(wrong, 0u);
  EXPECT_LT(pair.loop()->blocks().bytes_held(), 8 * kMiB);
}

TEST_P(Tls, loses_nothing_when_paused_at_every_read) {
  TlsPair pair;
  ASSERT_NO_FATAL_FAILURE(pair.begin());
  allow_only(GetParam(), pair);
  ASSERT_TRUE(pair.loop().until([&] { return pair.both_open(); }));
  End& server = pair.server();
  int events_while_paused = 0;
  server.at_read = [&](const Slice&) {
    if (server.transport->read_paused()) ++events_while_paused;
    server.transport->pause_read();
  };
  std::string sent;
  for (size_t size : {1u, 100u, 16384u, 16385u, 70'000u, 300'000u}) {
    std::string part = pattern(size, sent.size());
    ASSERT_TRUE(pair.client().send(pair.loop(), part));
    sent += part;
  }
  pair.client().transport->finish();  // the end must not overtake what is held back
  ASSERT_TRUE(pair.loop().until([&] {
    if (server.transport->read_paused()) server.transport->resume_read();
    return server.eof;
  }));
  EXPECT_TRUE(server.received == sent);
  EXPECT_EQ(events_while_paused, 0);
}

TEST(TlsTransport, many_small_slices_leave_as_full_records) {
  TlsPair pair;
  ASSERT_NO_FATAL_FAILURE(pair.connect());
  Chain bytes;
  std::string all = pattern(100'000);
  std::vector<BlockRef> blocks;
  for (size_t at = 0; at < all.size(); at += 1000) {  // a block each, so that nothing merges
    blocks.push_back(pair.loop()->blocks().take(1000));
    std::memcpy(blocks.back()->data(), all.data() + at, 1000);
    bytes.append(Slice{blocks.back().get(), blocks.back()->data(), 1000});
  }
  blocks.clear();
  size_t reads = 0;
  pair.server().at_read = [&](const Slice&) { ++reads; };
  ASSERT_TRUE(pair.client().transport->write(std::move(bytes)));
  ASSERT_TRUE(pair.loop().until([&] { return pair.server().received.size() == all.size(); }));
  EXPECT_TRUE(pair.server().received == all);
  EXPECT_LE(reads, 8u);
}

TEST(TlsTransport, the_certificate_follows_the_server_name) {
  for (auto [name, verified] :
       std::initializer_list<std::pair<const char*, bool>>{{"a.example", true},
                                                           {"x.b.example", true},
                                                           {"127.0.0.1", true},
                                                           {"A.Example.", true},
                                                           {"y.x.b.example", false},
                                                           {"c.example", false},
                                                           {"127.0.0.2", false}}) {
    TlsPair pair;
    pair.setup.name = name;
    ASSERT_NO_FATAL_FAILURE(pair.begin());
    ASSERT_TRUE(pair.loop().until([&] { return pair.client().opened || pair.client().failed; }));
    EXPECT_EQ(pair.client().opened, verified) << name;
    if (verified) continue;
    EXPECT_EQ(pair.client().failed->code, Code::tls_failed);
    EXPECT_NE(std::string(pair.client().failed->what).find("mismatch"), std::string::npos)
        << pair.client().failed->what;
  }
}

TEST(TlsTransport, an_untrusted_or_expired_certificate_is_refused_with_its_reason) {
  struct Row {
    CertificateSpec spec;
    bool trusted;
    const char* reason;
  };
  const Row rows[] = {
      {{.alternatives = "DNS:a.example"}, false, "unable to get local issuer certificate"},
      {{.alternatives = "DNS:a.example", .days = -1}, true, "certificate has expired"}};
  for (const Row& row : rows) {
    TlsPair pair;
    CertificateFiles other = pair.made.make("other", {.common_name = "other", .authority = true});
    pair.setup.server.certificates = {
        pair.made.make("x", row.spec, row.trusted ? &pair.ca : &other)};
    ASSERT_NO_FATAL_FAILURE(pair.begin());
    ASSERT_TRUE(pair.loop().until(
        [&] { return pair.client().failed && pair.accepted() && pair.server().failed; }));
    EXPECT_STREQ(pair.client().failed->what, row.reason);
    EXPECT_EQ(pair.server().failed->code, Code::tls_failed);  // by the client's alert
    EXPECT_NE(std::string(pair.server().failed->what).find("alert"), std::string::npos)
        << pair.server().failed->what;
    EXPECT_FALSE(pair.client().opened);
  }
}

TEST(TlsTransport, verification_can_be_switched_off) {
  TlsPair pair;
  pair.setup.client = {.verify = TlsVerify::none};
  pair.setup.name = "elsewhere.example";
  ASSERT_NO_FATAL_FAILURE(pair.connect());
}

TEST(TlsTransport, without_a_common_protocol_the_handshake_fails_by_alert) {
  TlsPair pair;
  pair.setup.client.protocols = {"h2"};
  ASSERT_NO_FATAL_FAILURE(pair.begin());
  ASSERT_TRUE(pair.loop().until(
      [&] { return pair.client().failed && pair.accepted() && pair.server().failed; }));
  EXPECT_STREQ(pair.client().failed->what, "tlsv1 alert no application protocol");
  EXPECT_STREQ(pair.server().failed->what, "no application protocol");
}

TEST(TlsTransport, a_client_without_alpn_is_served) {
  TlsPair pair;
  pair.setup.client.protocols = {};
  ASSERT_NO_FATAL_FAILURE(pair.connect());
  EXPECT_EQ(pair.server().transport->tls().alpn, "");
}

TEST(TlsTransport, a_version_below_the_minimum_is_refused) {
  TlsPair pair;
  pair.setup.server.profile = TlsProfile::modern;
  ASSERT_NO_FATAL_FAILURE(pair.begin());
  pair.client().transport.reset();
  auto old = TlsClientContext::load(pair.setup.client);
  ASSERT_TRUE(old);
  SSL_CTX_set_max_proto_version((*old)->ssl(), TLS1_2_VERSION);
  End client;
  auto begun = connect_tls(pair.io, {pair.address(), *old, "a.example"}, client);
  ASSERT_TRUE(begun);
  client.transport = std::move(*begun);
  ASSERT_TRUE(pair.loop().until([&] { return client.failed.has_value(); }));
  EXPECT_STREQ(client.failed->what, "tlsv1 alert protocol version");
}

TEST_P(Tls, an_end_without_close_notify_is_truncation_for_upstreams_only) {
  TlsPair pair;
  ASSERT_NO_FATAL_FAILURE(pair.begin());
  allow_only(GetParam(), pair);
  ASSERT_TRUE(pair.loop().until([&] { return pair.both_open(); }));
  ASSERT_TRUE(pair.server().send(pair.loop(), "half a body"));
  ASSERT_TRUE(pair.loop().until([&] { return pair.client().received == "half a body"; }));
  pair.server().transport.reset();  // closes the socket, sends no close_notify
  ASSERT_TRUE(pair.loop().until([&] { return pair.client().failed || pair.client().eof; }));
  ASSERT_TRUE(pair.client().failed);
  EXPECT_EQ(pair.client().failed->code, Code::truncated);
}

TEST_P(Tls, a_client_that_just_closes_has_ended) {
  TlsPair pair;
  ASSERT_NO_FATAL_FAILURE(pair.begin());
  allow_only(GetParam(), pair);
  ASSERT_TRUE(pair.loop().until([&] { return pair.both_open(); }));
  ASSERT_TRUE(pair.client().send(pair.loop(), "x"));
  pair.client().transport.reset();
  ASSERT_TRUE(pair.loop().until([&] { return pair.server().eof || pair.server().failed; }));
  EXPECT_TRUE(pair.server().eof);
  EXPECT_EQ(pair.server().received, "x");
}

TEST(TlsTransport, a_reset_is_a_failure) {
  TlsPair pair;
  ASSERT_NO_FATAL_FAILURE(pair.connect());
  pair.client().transport->abort();
  ASSERT_TRUE(pair.loop().until([&] { return pair.server().failed.has_value(); }));
  EXPECT_EQ(pair.server().failed->code, Code::reset);
}

TEST(TlsTransport, what_is_no_client_hello_fails_with_its_reason_and_an_alert) {
  struct Row {
    std::string bytes;
    const char* reason;
    bool alert;
  };
  const Row rows[] = {
      {"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", "http request",
       false},  // it would not read one
      {std::string("\x16\x03\x01\0\5\x09\0\0\1\0", 10), "unexpected message", true}};
  for (const Row& row : rows) {
    TlsPair pair;
    ASSERT_NO_FATAL_FAILURE(pair.connect_plain());
    ASSERT_TRUE(pair.client().send(pair.loop(), row.bytes));
    ASSERT_TRUE(pair.loop().until([&] { return pair.server().failed.has_value(); }));
    EXPECT_EQ(pair.server().failed->code, Code::tls_failed);
    EXPECT_STREQ(pair.server().failed->what, row.reason);
    pair.server().transport.reset();
    ASSERT_TRUE(pair.loop().until([&] { return pair.client().eof || pair.client().failed; }));
    EXPECT_EQ(!pair.client().received.empty(), row.alert) << row.reason;
    if (row.alert) {
      EXPECT_EQ(pair.client().received[0], '\x15');
    }
  }
}

TEST(TlsTransport, a_close_in_the_handshake_fails) {
  TlsPair pair;
  ASSERT_NO_FATAL_FAILURE(pair.connect_plain());
  ASSERT_TRUE(pair.client().send(pair.loop(), std::string("\x16\x03\x01\x02\x00", 5)));
  pair.client().transport->finish();
  ASSERT_TRUE(pair.loop().until([&] { return pair.server().failed.has_value(); }));
  EXPECT_EQ(pair.server().failed->code, Code::tls_failed);
  EXPECT_FALSE(pair.server().send(pair.loop(), "x"));
}

TEST(TlsTransport, bytes_read_before_it_are_its_first) {
  TlsPair pair;
  // The door reads the first bytes itself, as behind a PROXY header, and hands them on.
  struct First final : Transport::Events {
    void on_read(const Slice& bytes) override {
      early.append(bytes);
      transport->pause_read();
    }
    void on_eof() override {}
    void on_writable() override {}
    void on_write_failed(Error) override {}
    void on_failed(Error) override {}
    TransportPtr transport;
    Chain early;
  } first;
  struct FirstDoor final : Acceptor {
    explicit FirstDoor(First& f) : first(f) {}
    void on_accept(TransportPtr transport, const SocketAddress&) override {
      first.transport = std::move(transport);
      first.transport->start(first);
    }
    First& first;
  } door(first);
  ListenSocket socket = listen_on("127.0.0.1:1");
  Listener listener(pair.loop(), door);
  ASSERT_TRUE(listener.start(socket));
  auto server = TlsServerContext::load(pair.setup.server);
  auto trust = TlsClientContext::load(pair.setup.client);
  auto begun = connect_tls(pair.io, {socket.address(), *trust, "a.example"}, pair.client());
  ASSERT_TRUE(begun);
  pair.client().transport = std::move(*begun);
  ASSERT_TRUE(pair.loop().until([&] { return !first.early.empty(); }));
  End end;
  end.transport = accept_tls(pair.io, std::move(first.transport), *server, std::move(first.early));
  end.transport->start(end);
  ASSERT_TRUE(pair.loop().until([&] { return end.opened && pair.client().opened; }));
}

TEST(TlsTransport, no_event_comes_after_the_owner_let_go) {
  for (int state = 0; state < 7; ++state) {
    TlsPair pair;
    ASSERT_NO_FATAL_FAILURE(pair.begin());
    if (state == 0) {
      pair.client().transport.reset();
      pair.loop().settle();
      continue;
    }
    if (state == 1) pair.client().at_open = [&] { pair.client().transport.reset(); };
    if (state == 2)
      pair.door().prepare = [](End& end) { end.at_open = [&end] { end.transport.reset(); }; };
    if (state <= 2) {
      pair.loop().settle(30);
      continue;
    }
    ASSERT_TRUE(pair.loop().until([&] { return pair.both_open(); }));
    End& server = pair.server();
    if (state == 3) server.at_read = [&](const Slice&) { server.transport.reset(); };
    if (state == 4) {
      server.at_read = [&](const Slice&) {
        server.transport->pause_read();
        server.transport->resume_read();  // on the ready list now
        server.transport.reset();
      };
    }
    if (state == 5) server.at_end = [&] { server.transport.reset(); };
    if (state == 6) server.at_read = [&](const Slice&) { server.transport->abort(); };
    ASSERT_TRUE(pair.client().send(pair.loop(), pattern(300'000)));
    pair.client().transport->finish();
    pair.loop().settle(20);
  }
}

TEST(TlsTransport, random_aborts_leave_nothing_behind) {
  Random random(3);
  for (int round = 0; round < 40; ++round) {
    TlsPair pair;
    ASSERT_NO_FATAL_FAILURE(pair.begin());
    pair.loop().settle(static_cast<int>(random.below(6)));
    if (pair.client().opened) (void)pair.client().send(pair.loop(), pattern(kMiB));
    pair.loop().settle(static_cast<int>(random.below(4)));
    End& victim = pair.accepted() && random.below(2) ? pair.server() : pair.client();
    if (random.below(2)) victim.transport->abort();
    victim.transport.reset();
    pair.loop().settle(2);
  }
}

TEST(TlsTransport, garbage_after_the_handshake_fails_and_ends_at_once) {
  // A record flood: alerts, empty records and broken ones must not hold the loop.
  TlsPair pair;
  ASSERT_NO_FATAL_FAILURE(pair.connect_plain());
  Random random(5);
  std::string flood;
  for (int i = 0; i < 10'000; ++i) {
    flood += "\x17\x03\x03";
    flood += std::string("\0\x05", 2);
    for (int k = 0; k < 5; ++k) flood += static_cast<char>(random.next());
  }
  ASSERT_TRUE(pair.client().send(pair.loop(), flood));
  ASSERT_TRUE(pair.loop().until([&] { return pair.server().failed.has_value(); }));
  EXPECT_EQ(pair.server().failed->code, Code::tls_failed);
}

/// OpenSSL itself as the client, over a plain connection to the TLS listener.
class RawClient {
 public:
  explicit RawClient(TlsPair& pair) : pair_(pair), context_(SSL_CTX_new(TLS_client_method())) {
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(ssl_.get());
    for (int i = 0; i < 100 && SSL_do_handshake(ssl_.get()) != 1; ++i) exchange();
    exchange();
  }
  /// Sends what OpenSSL has written, and gives it what has come.
  void exchange() {
    char* data = nullptr;
    long size = BIO_get_mem_data(SSL_get_wbio(ssl_.get()), &data);
    std::string out(data, static_cast<size_t>(size));
    (void)BIO_reset(SSL_get_wbio(ssl_.get()));
    if (!out.empty()) (void)pair_.client().send(pair_.loop(), out);
    pair_.loop().settle(2);
    std::string& in = pair_.client().received;
    BIO_write(SSL_get_rbio(ssl_.get()), in.data(), static_cast<int>(in.size()));
    in.clear();
  }
  void update_keys(int times) {
    for (int i = 0; i < times; ++i) {
      ASSERT_EQ(SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_REQUESTED), 1);
      ASSERT_EQ(SSL_do_handshake(ssl_.get()), 1);
    }
    exchange();
  }
  void write(std::string_view text) {
    ASSERT_EQ(SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())),
              static_cast<int>(text.size()));
    exchange();
  }

 private:
  struct Free {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  TlsPair& pair_;
  SslContextPtr context_;
  std::unique_ptr<SSL, Free> ssl_;
};

TEST(TlsTransport, a_flood_of_key_updates_ends_the_connection) {
  TlsPair pair;
  ASSERT_NO_FATAL_FAILURE(pair.connect_plain());
  RawClient client(pair);
  ASSERT_TRUE(pair.server().opened);
  client.update_keys(kLateHandshakesMax / 2);
  client.write("still here");
  ASSERT_TRUE(pair.loop().until([&] { return pair.server().received == "still here"; }));
  client.update_keys(kLateHandshakesMax);
  ASSERT_TRUE(pair.loop().until([&] { return pair.server().failed.has_value(); }));
  EXPECT_STREQ(pair.server().failed->what, "too many handshake messages");
}

TEST(TlsTransport, workers_share_contexts_without_a_lock_of_ours) {  // for TSan
  Certificates made;
  CertificateFiles ca = made.make("ca", {.common_name = "test ca", .authority = true});
  CertificateFiles a = made.make("a", {.alternatives = "DNS:a.example"}, &ca);
  CertificateFiles b = made.make("b", {.alternatives = "DNS:b.example"}, &ca);
  auto server = TlsServerContext::load({.certificates = {a, b}});
  auto client = TlsClientContext::load({.ca_file = ca.certificate});
  ASSERT_TRUE(server && client);
  auto work = [&] {
    TestLoop loop;
    TlsIo io(loop);
    Door door;
    door.wrap = [&](TransportPtr inner) { return accept_tls(io, std::move(inner), *server); };
    ListenSocket socket = listen_on("127.0.0.1:1");
    Listener listener(loop, door);
    EXPECT_TRUE(listener.start(socket));
    for (int i = 0; i < 30; ++i) {
      End end;
      auto begun =
          connect_tls(io, {socket.address(), *client, i % 2 ? "a.example" : "b.example"}, end);
      ASSERT_TRUE(begun);
      end.transport = std::move(*begun);
      ASSERT_TRUE(loop.until([&] { return end.opened || end.failed; }));
      EXPECT_TRUE(end.opened);
    }
  };
  std::thread other(work);
  work();
  other.join();
}

TEST(TlsTransport, an_idle_connection_costs_little_memory) {  // both ends are ours here
  if (kSanitized) GTEST_SKIP() << "the sanitizer's heap is another";
  TlsPair pair;
  ASSERT_NO_FATAL_FAILURE(pair.connect());
  auto trust = TlsClientContext::load(pair.setup.client);
  size_t before = mallinfo2().uordblks;
  constexpr size_t kCount = 200;
  std::vector<std::unique_ptr<End>> clients;
  for (size_t i = 0; i < kCount; ++i) {
    auto end = std::make_unique<End>();
    auto begun = connect_tls(pair.io, {pair.address(), *trust, "a.example"}, *end);
    ASSERT_TRUE(begun);
    end->transport = std::move(*begun);
    clients.push_back(std::move(end));
    ASSERT_TRUE(pair.loop().until(
        [&] { return pair.door().ends.size() == i + 2 && pair.door().ends.back()->opened; }));
  }
  for (auto& end : clients) {
    ASSERT_TRUE(end->send(pair.loop(), "x"));
  }
  ASSERT_TRUE(pair.loop().until([&] { return pair.door().ends.back()->received == "x"; }));
  pair.loop().settle();
  size_t each = (mallinfo2().uordblks - before) / kCount;
  RecordProperty("heap_bytes_per_pair", static_cast<int>(each));
  EXPECT_LT(each, 40'000u);
  EXPECT_LE(pair.loop()->blocks().blocks_out(), 4u);
}

}  // namespace
}  // namespace sluice::net

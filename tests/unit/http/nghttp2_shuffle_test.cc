// Our two sides of HTTP/2 with nghttp2's, in every order: who sends, who consumes, and how much of the bytes arrives at a
// time is drawn from a seed. Every body arrives as it was sent, and every stream comes to its end.
#include <gtest/gtest.h>

#include <set>

#include "base/hash.h"
#include "unit/http/nghttp2_peer.h"

namespace sluice::http {
namespace {

constexpr uint64_t kSeeds = 200;
constexpr size_t kExchanges = 50;
constexpr size_t kWireRoom = 64 * 1024;

/// A message one way.
struct Message {
  std::string body;
  bool trailers = false;
  bool announced = false;   // by content-length
};

struct Exchange {
  Message ours, theirs;   // who sends it
  RecordingEvents* events = nullptr;
  Stream* stream = nullptr;   // ours, once it is open
  int32_t id = 0;             // the peer's, once it is open
  size_t sent = 0;            // of ours.body
  std::optional<int> blocked; // no credit: until events->credits is another number
  bool begun = false;         // of ours the head is out
  bool ended = false;         // and all of it
  bool let_go = false;
  bool answered = false;      // the peer's head is out
  size_t given = 0;           // of theirs.body, to the peer
  bool done = false;          // and all of it
};

void announce(const Message& message, Texts& fields) {
  if (message.announced) fields.emplace_back("content-length", std::to_string(message.body.size()));
}

std::string trailing(const Message& message) { return message.trailers ? " trailers(n=1) end" : " end"; }

/// What both sides share; which of the two is ours, subclasses know.
class Shuffle {
 public:
  explicit Shuffle(uint64_t seed) : random_(seed), exchanges_(kExchanges) {
    for (Exchange& exchange : exchanges_) {
      for (Message* message : {&exchange.ours, &exchange.theirs}) {
        *message = {body_of(size(), static_cast<uint32_t>(random_.next())), random_.below(3) == 0,
                    random_.below(2) == 0};
      }
    }
  }
  virtual ~Shuffle() = default;

  void run() {
    constexpr int kTurnsMax = 200'000;
    for (int turn = 0; turn < kTurnsMax && over_ < kExchanges; ++turn) {
      bind();
      for (int i = 0; i < 4; ++i) act(exchanges_[random_.below(kExchanges)]);
      carry();
    }
    EXPECT_EQ(over_, kExchanges) << "somebody waits for ever";
    for (int i = 0; i < 1'000; ++i) carry();
    check();
  }

 protected:
  static Nghttp2Options drawn(uint64_t seed) {
    Random random(seed);
    Nghttp2Options options{.holds = true};
    options.streams = 5 + static_cast<uint32_t>(random.below(kExchanges));
    if (random.below(4) == 0) options.padding = random.below(200);
    options.piece_max = 100 + random.below(16'000);
    return options;
  }

  virtual FakeWire& wire() = 0;
  virtual H2Session& codec() = 0;
  virtual Nghttp2Peer& peer() = 0;
  /// Where its number is: "/17".
  std::string path_of(const Exchange& exchange) const { return "/" + std::to_string(&exchange - exchanges_.data()); }
  /// Finds the other half of what was opened.
  virtual void bind() = 0;
  virtual void begin_ours(Exchange& exchange) = 0;
  virtual void begin_theirs(Exchange& exchange) = 0;
  virtual bool may_begin_ours(const Exchange& exchange) = 0;
  virtual bool may_begin_theirs(const Exchange& exchange) = 0;
  virtual bool may_let_go(const Exchange&) { return true; }

  Random random_;
  std::vector<Exchange> exchanges_;

 private:
  size_t size() {
    switch (random_.below(8)) {
      case 0: return 0;
      case 1: return random_.below(200'000);
      case 2: return kH2StreamWindow;   // filled exactly, and its end behind it
      default: return random_.below(5'000);
    }
  }
  size_t piece() { return random_.below(3) == 0 ? 1 + random_.below(10) : 1 + random_.below(40'000); }

  void act(Exchange& exchange) {
    switch (random_.below(4)) {
      case 0: return send_ours(exchange);
      case 1: return send_theirs(exchange);
      case 2: return consume_theirs(exchange);
      case 3: return consume_ours(exchange);
    }
  }

  void send_ours(Exchange& exchange) {
    if (exchange.ended || exchange.let_go) return let_go(exchange);
    if (!exchange.begun) {
      if (may_begin_ours(exchange)) begin_ours(exchange), exchange.begun = true;
      return;
    }
    const Message& message = exchange.ours;
    size_t rest = message.body.size() - exchange.sent;
    if (exchange.blocked == exchange.events->credits) return;
    size_t part = std::min({exchange.stream->credit(), rest, piece()});
    if (part == 0 && rest > 0) exchange.blocked = exchange.events->credits;
    bool at_once = part == rest && !message.trailers && random_.below(2) == 0;   // the end with the last piece
    if (part > 0) {
      Chain bytes = chain_of(codec_pool(), std::string_view(message.body).substr(exchange.sent, part));
      exchange.stream->send_body(std::move(bytes), at_once ? End::yes : End::no);
      exchange.sent += part;
      exchange.ended = at_once;
    } else if (rest == 0) {
      message.trailers ? send_trailers(*exchange.stream, *exchange.events, "n", "1") : exchange.stream->send_body({}, End::yes);
      exchange.ended = true;
    }
    let_go(exchange);
  }

  /// Once both messages are whole.
  void let_go(Exchange& exchange) {
    if (exchange.let_go || !exchange.ended || !exchange.events->over() || !may_let_go(exchange)) return;
    if (exchange.events->unconsumed > 0) exchange.events->consume_all(*exchange.stream);
    exchange.stream->detach();
    exchange.let_go = true;
  }

  void send_theirs(Exchange& exchange) {
    if (exchange.done) return;
    if (!exchange.answered) {
      if (may_begin_theirs(exchange)) begin_theirs(exchange), exchange.answered = true;
      return;
    }
    const Message& message = exchange.theirs;
    size_t part = std::min(message.body.size() - exchange.given, piece());
    if (part > 0) peer().send(exchange.id, std::string_view(message.body).substr(exchange.given, part));
    exchange.given += part;
    if (exchange.given < message.body.size()) return;
    peer().end(exchange.id, message.trailers ? Texts{{"n", "1"}} : Texts{});
    exchange.done = true;
  }

  void consume_theirs(Exchange& exchange) {
    if (exchange.stream == nullptr || exchange.let_go || exchange.events->unconsumed == 0) return;
    size_t part = std::min(piece(), exchange.events->unconsumed);
    exchange.events->unconsumed -= part;
    exchange.stream->consume(part);
    let_go(exchange);
  }

  void consume_ours(Exchange& exchange) {
    if (exchange.id == 0) return;
    Nghttp2Peer::Stream& seen = peer().streams.at(exchange.id);
    if (seen.unconsumed > 0) peer().consume(exchange.id, std::min(piece(), seen.unconsumed));
    bool over = seen.closed && seen.unconsumed == 0 && exchange.let_go;
    if (over && over_ids_.insert(exchange.id).second) ++over_;
  }

  /// Some of what either side has said arrives.
  void carry() {
    to_peer_ += wire().take_sent();
    to_us_ += peer().take_output();
    std::string bytes = take(to_peer_);
    peer().feed(bytes);
    wire().room = kWireRoom - std::min(kWireRoom, to_peer_.size());
    if (!bytes.empty() && to_peer_.empty()) codec().on_room();
    feed(codec(), wire(), take(to_us_));
  }
  std::string take(std::string& pipe) {
    size_t part = std::min(pipe.size(), random_.below(4) == 0 ? random_.below(20) : random_.below(60'000));
    std::string taken = pipe.substr(0, part);
    pipe.erase(0, part);
    return taken;
  }

  void check() {
    for (Exchange& exchange : exchanges_) {
      if (!exchange.let_go || exchange.id == 0) continue;   // told of above
      Nghttp2Peer::Stream& seen = peer().streams.at(exchange.id);
      EXPECT_TRUE(exchange.events->body == exchange.theirs.body);
      EXPECT_TRUE(seen.body == exchange.ours.body);
      EXPECT_TRUE(exchange.events->log().ends_with(trailing(exchange.theirs))) << exchange.events->log();
      EXPECT_TRUE(seen.log.ends_with(")" + trailing(exchange.ours))) << seen.log;
      EXPECT_EQ(seen.closed, 0U);
    }
    EXPECT_EQ(codec().streams(), 0U);
    EXPECT_EQ(wire().ending(), "");
    EXPECT_FALSE(codec().abuse());
  }

  BlockPool& codec_pool() { return wire().blocks(); }

  std::string to_peer_, to_us_;
  std::set<int32_t> over_ids_;   // whole for the peer too
  size_t over_ = 0;
};

H2Limits limits_of(uint64_t seed) {
  H2Limits limits;
  limits.streams = 5 + static_cast<uint32_t>(seed % kExchanges);
  return limits;
}

/// The number behind the slash.
size_t number_of(std::string_view path) { return static_cast<size_t>(std::stoul(std::string(path.substr(1)))); }

class ServerShuffle final : public Shuffle {
 public:
  explicit ServerShuffle(uint64_t seed) : Shuffle(seed), pair_(drawn(seed), limits_of(seed)) { pair_.settle(); }

 private:
  FakeWire& wire() override { return pair_.wire; }
  H2Session& codec() override { return pair_.codec; }
  Nghttp2Peer& peer() override { return pair_.client; }
  void bind() override {
    for (; bound_ < pair_.keeper.requests.size(); ++bound_) {
      Exchange& exchange = exchanges_.at(number_of(pair_.request(bound_).head->path));
      exchange.events = &pair_.request(bound_);
      exchange.stream = &pair_.stream(bound_);
    }
  }
  bool may_begin_ours(const Exchange& exchange) override { return exchange.stream != nullptr; }
  void begin_ours(Exchange& exchange) override {
    Head* head = exchange.events->arena().make<Head>(exchange.events->arena());
    head->status = 200;
    if (exchange.ours.announced) head->content_length = exchange.ours.body.size();
    exchange.stream->send_head(*head, End::no);
  }
  bool may_begin_theirs(const Exchange&) override { return true; }   // beyond the allowed number nghttp2 keeps it
  void begin_theirs(Exchange& exchange) override {
    Texts fields = kPostFields;
    fields.back().second = path_of(exchange);
    announce(exchange.theirs, fields);
    exchange.id = pair_.client.ask(fields, Nghttp2Peer::Rest::follows);
  }

  Served pair_;
  size_t bound_ = 0;
};

class ClientShuffle final : public Shuffle {
 public:
  explicit ClientShuffle(uint64_t seed) : Shuffle(seed), pair_(drawn(seed)) { pair_.settle(); }

 private:
  FakeWire& wire() override { return pair_.wire; }
  H2Session& codec() override { return pair_.codec; }
  Nghttp2Peer& peer() override { return pair_.server; }
  void bind() override {
    for (const auto& [id, stream] : pair_.server.streams) {
      if (id > bound_ && !stream.log.empty()) exchanges_.at(number_of(pair_.server.values(id, ":path")[0])).id = bound_ = id;
    }
  }
  bool may_begin_ours(const Exchange&) override { return pair_.codec.has_room(); }
  void begin_ours(Exchange& exchange) override {
    std::optional<uint64_t> length;
    if (exchange.ours.announced) length = exchange.ours.body.size();
    auto& request = pair_.open({Method::post, path_of(exchange), End::no, {}, {}, length});
    exchange.events = &request.events;
    exchange.stream = request.stream;
  }
  bool may_begin_theirs(const Exchange& exchange) override { return exchange.id != 0; }
  // A request that is answered is cancelled where a window holds its end back: not what is shown here.
  bool may_let_go(const Exchange& exchange) override {
    return exchange.id != 0 && pair_.server.log(exchange.id).ends_with(trailing(exchange.ours));
  }
  void begin_theirs(Exchange& exchange) override {
    Texts fields = {{":status", "200"}};
    announce(exchange.theirs, fields);
    pair_.server.answer(exchange.id, fields, Nghttp2Peer::Rest::follows);
  }

  Asked pair_;
  int32_t bound_ = 0;
};

TEST(H2Shuffle, our_server_loses_no_stream_and_no_byte) {
  for (uint64_t seed = 0; seed < kSeeds && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    ServerShuffle(seed).run();
  }
}

TEST(H2Shuffle, our_client_loses_no_stream_and_no_byte) {
  for (uint64_t seed = 0; seed < kSeeds && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    ClientShuffle(seed).run();
  }
}

}  // namespace
}  // namespace sluice::http

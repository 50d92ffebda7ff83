// Both ends of an HTTP/2 connection over strings, and frames made by hand for peers that misbehave.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fakes/stream_events.h"
#include "fakes/wire.h"
#include "http/h2_codec.h"

namespace sluice::http {

/// One HTTP/2 frame.
inline std::string frame(uint8_t type, uint8_t flags, uint32_t stream, std::string_view payload) {
  std::string out;
  for (int shift : {16, 8, 0}) out += static_cast<char>(payload.size() >> shift);
  out += static_cast<char>(type);
  out += static_cast<char>(flags);
  for (int shift : {24, 16, 8, 0}) out += static_cast<char>(stream >> shift);
  return out.append(payload);
}
enum : uint8_t { kData = 0, kHeaders = 1, kPriority = 2, kReset = 3, kSettings = 4, kPing = 6, kGoaway = 7, kWindow = 8, kContinuation = 9 };
enum : uint8_t { kEndStream = 1, kEndHeaders = 4 };
inline constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A literal field, never indexed. needs: short texts
inline std::string literal(std::string_view name, std::string_view value) {
  auto text = [](std::string_view of) {
    std::string out;
    if (of.size() < 127) {
      out += static_cast<char>(of.size());
    } else {
      size_t rest = of.size() - 127;
      out += '\x7f';
      for (; rest >= 128; rest >>= 7) out += static_cast<char>(0x80 | (rest & 0x7f));
      out += static_cast<char>(rest);
    }
    return out.append(of);
  };
  return std::string("\x10", 1) + text(name) + text(value);
}
using Texts = std::vector<std::pair<std::string, std::string>>;
inline std::string list_of(const Texts& fields) {
  std::string out;
  for (const auto& [name, value] : fields) out += literal(name, value);
  return out;
}
inline const Texts kGetFields = {{":method", "GET"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/a"}};
inline std::string get_frame(uint32_t stream) {
  return frame(kHeaders, kEndStream | kEndHeaders, stream, list_of(kGetFields));
}

/// The types of frames in `bytes`, and the error codes of RST_STREAM and GOAWAY: "4 8 1 3(8)".
inline std::string frame_types(std::string_view bytes) {
  std::string out;
  auto byte = [&](size_t at) { return static_cast<unsigned>(static_cast<unsigned char>(bytes[at])); };
  while (bytes.size() >= 9) {
    size_t size = byte(0) << 16 | byte(1) << 8 | byte(2);
    out += (out.empty() ? "" : " ") + std::to_string(byte(3));
    if (byte(3) == kReset) out += "(" + std::to_string(byte(12)) + ")";
    if (byte(3) == kGoaway) out += "(" + std::to_string(byte(16)) + ")";
    bytes.remove_prefix(std::min(bytes.size(), 9 + size));
  }
  return out;
}

/// Receives requests and remembers their streams.
class StreamKeeper final : public StreamAcceptor {
 public:
  explicit StreamKeeper(BlockPool& pool) : pool_(&pool) {}
  StreamEvents& accept(Stream& stream) override {
    streams.push_back(&stream);
    requests.push_back(std::make_unique<RecordingEvents>(*pool_));
    return *requests.back();
  }
  std::string log() const {
    std::string all;
    for (const auto& request : requests) all += (all.empty() ? "" : " | ") + request->log();
    return all;
  }

  std::vector<Stream*> streams;
  std::vector<std::unique_ptr<RecordingEvents>> requests;

 private:
  BlockPool* pool_;
};

inline Chain chain_of(BlockPool& pool, std::string_view text) {
  Chain chain;
  chain.append_copy(pool, text);
  return chain;
}

/// Our server with a peer made of bytes.
struct H2Server {
  explicit H2Server(const H2Limits& with = {}) : limits(with) { codec.start(); }

  void send(std::string_view bytes, size_t step = 0) { feed(codec, wire, bytes, step); }
  /// Preface and empty SETTINGS.
  void greet(size_t step = 0) { send(std::string(kPreface) + frame(kSettings, 0, 0, ""), step); }
  Head& make_head(size_t at, uint16_t status, std::optional<uint64_t> length = {}) {
    Arena& arena = keeper.requests[at]->arena();
    Head* head = arena.make<Head>(arena);
    head->status = status;
    head->content_length = length;
    return *head;
  }
  void answer(size_t at, std::string_view body = "ok") {
    Stream& stream = *keeper.streams[at];
    stream.send_head(make_head(at, 200, body.size()), body.empty() ? End::yes : End::no);
    if (!body.empty()) stream.send_body(chain_of(pool, body), End::yes);
    stream.detach();
  }

  BlockPool pool;
  FakeWire wire{pool};
  StreamKeeper keeper{pool};
  H2Limits limits;
  H2ServerCodec codec{wire, keeper, limits};
};

/// Our two sides with each other.
struct H2Pair : H2Server {
  explicit H2Pair(const H2Limits& with = {}) : H2Server(with) {
    client.start();
    settle();
  }
  /// Carries bytes until nobody has any more to say.
  void settle() {
    while (!wire.sent.empty() || !client_wire.sent.empty()) {
      std::string to_server = client_wire.take_sent(), to_client = wire.take_sent();
      feed(codec, wire, to_server);
      feed(client, client_wire, to_client);
    }
  }
  struct Request {
    explicit Request(BlockPool& pool) : events(pool) {}
    RecordingEvents events;
    Stream* stream = nullptr;
  };
  Request& ask(Method method, std::string_view path, End end, const Texts& fields = {},
               std::optional<uint64_t> length = {}) {
    auto& request = *requests.emplace_back(std::make_unique<Request>(pool));
    request.stream = &client.open(request.events);
    Arena& arena = request.events.arena();
    Head* head = arena.make<Head>(arena);
    head->method = method;
    head->authority = "a";
    head->path = path;
    head->content_length = length;
    for (const auto& [name, value] : fields) head->fields.add(arena.copy(name), arena.copy(value));
    request.stream->send_head(*head, end);
    settle();
    return request;
  }

  FakeWire client_wire{pool};
  H2Limits client_limits;
  H2ClientCodec client{client_wire, Scheme::http, client_limits};
  std::vector<std::unique_ptr<Request>> requests;
};

}  // namespace sluice::http

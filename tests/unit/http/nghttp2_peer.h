// A peer that other people wrote: nghttp2's session over strings, with its own rules for messages on. What it complains of
// is our fault, and fails the test.
#pragma once

#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "unit/http/h2_peers.h"

namespace sluice::http {

struct Nghttp2Options {
  uint32_t streams = 100;      // of a server: allowed at a time
  bool tunnels = false;        // of a server: SETTINGS_ENABLE_CONNECT_PROTOCOL
  bool holds = false;          // windows, the connection's too, open by consume_all() and consume() only
  size_t padding = 0;          // bytes on each DATA and HEADERS frame
  size_t piece_max = 16'384;   // of a body, in one frame
};

class Nghttp2Peer {
 public:
  enum class Role : uint8_t { client, server };
  enum class Rest : uint8_t { none, follows };   // behind a head

  struct Stream {
    std::string log;      // "interim(103) head(200) trailers(a=1) end reset(8)"
    Texts fields;         // of the head
    std::string body;
    size_t unconsumed = 0;
    std::optional<uint32_t> closed;   // with this error code

    std::string out;      // to be sent
    size_t sent = 0;      // of it
    bool ends = false;    // nothing is added to it
    Texts trailers;
  };
  struct Goaway {
    int32_t last;
    uint32_t code;
    bool operator==(const Goaway&) const = default;
  };

  explicit Nghttp2Peer(Role role, Nghttp2Options with = {}) : options(with) {
    nghttp2_option* option = nullptr;
    nghttp2_option_new(&option);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_no_closed_streams(option, 1);
    nghttp2_session_callbacks* callbacks = make_callbacks();
    bool serves = role == Role::server;
    serves ? nghttp2_session_server_new2(&session_, callbacks, this, option)
           : nghttp2_session_client_new2(&session_, callbacks, this, option);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(option);
    std::array<nghttp2_settings_entry, 2> entries{{{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, options.streams},
                                                   {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1}}};
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, entries.data(), serves ? (options.tunnels ? 2 : 1) : 0);
  }
  ~Nghttp2Peer() {
    EXPECT_EQ(complaints, "");
    nghttp2_session_del(session_);
  }
  Nghttp2Peer(const Nghttp2Peer&) = delete;
  Nghttp2Peer& operator=(const Nghttp2Peer&) = delete;

  /// Takes bytes as reads of `step` (0: one).
  void feed(std::string_view bytes, size_t step = 0) {
    while (!bytes.empty()) {
      size_t part = step == 0 ? bytes.size() : std::min(step, bytes.size());
      ssize_t taken = nghttp2_session_mem_recv(session_, reinterpret_cast<const uint8_t*>(bytes.data()), part);
      if (taken != static_cast<ssize_t>(part)) complaints += "feed: " + std::to_string(taken) + "; ";
      bytes.remove_prefix(part);
    }
  }
  std::string take_output() {
    std::string out;
    const uint8_t* bytes = nullptr;
    while (true) {
      ssize_t size = nghttp2_session_mem_send(session_, &bytes);
      if (size <= 0) return out;
      out.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
    }
  }

  /// A request. gives: the id it will have
  int32_t ask(const Texts& fields, Rest rest = Rest::none) {
    std::vector<nghttp2_nv> list = pairs_of(fields);
    nghttp2_data_provider provider = provide();
    int32_t id = nghttp2_submit_request(session_, nullptr, list.data(), list.size(),
                                        rest == Rest::none ? nullptr : &provider, nullptr);
    EXPECT_GT(id, 0);
    streams[id];
    return id;
  }
  void interim(int32_t id, const Texts& fields) {
    std::vector<nghttp2_nv> list = pairs_of(fields);
    EXPECT_EQ(nghttp2_submit_headers(session_, 0, id, nullptr, list.data(), list.size(), nullptr), 0);
  }
  void answer(int32_t id, const Texts& fields, Rest rest = Rest::none) {
    std::vector<nghttp2_nv> list = pairs_of(fields);
    nghttp2_data_provider provider = provide();
    EXPECT_EQ(nghttp2_submit_response(session_, id, list.data(), list.size(), rest == Rest::none ? nullptr : &provider), 0);
  }
  /// More of a body whose head said that it follows.
  void send(int32_t id, std::string_view bytes) {
    streams.at(id).out += bytes;
    nghttp2_session_resume_data(session_, id);   // refused where nothing waits: it is asked anyway
  }
  void end(int32_t id, const Texts& trailers = {}) {
    streams.at(id).ends = true;
    streams.at(id).trailers = trailers;
    nghttp2_session_resume_data(session_, id);
  }
  void reset(int32_t id, uint32_t code) { nghttp2_submit_rst_stream(session_, 0, id, code); }
  void goaway(int32_t last) { nghttp2_submit_goaway(session_, 0, last, NGHTTP2_NO_ERROR, nullptr, 0); }
  void allow(uint32_t streams_max) {
    nghttp2_settings_entry entry{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, streams_max};
    nghttp2_submit_settings(session_, 0, &entry, 1);
  }
  void consume(int32_t id, size_t bytes) {
    streams.at(id).unconsumed -= bytes;
    nghttp2_session_consume(session_, id, bytes);
  }
  void consume_all(int32_t id) { consume(id, streams.at(id).unconsumed); }

  /// What it may still send of a body.
  int32_t window(int32_t id) const { return nghttp2_session_get_stream_remote_window_size(session_, id); }
  /// What we announced.
  uint32_t setting(nghttp2_settings_id id) const { return nghttp2_session_get_remote_settings(session_, id); }
  const std::string& log(int32_t id) { return streams[id].log; }
  /// The values of a field of the head, one after the other.
  std::vector<std::string> values(int32_t id, std::string_view name) {
    std::vector<std::string> found;
    for (const auto& [of, value] : streams[id].fields) {
      if (of == name) found.push_back(value);
    }
    return found;
  }

  Nghttp2Options options;
  std::map<int32_t, Stream> streams;
  std::vector<Goaway> goaways;
  std::string complaints;

 private:
  static Nghttp2Peer& self(void* data) { return *static_cast<Nghttp2Peer*>(data); }

  static std::vector<nghttp2_nv> pairs_of(const Texts& fields) {
    std::vector<nghttp2_nv> list;
    auto bytes = [](const std::string& text) { return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data())); };
    for (const auto& [name, value] : fields) {
      list.push_back({bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
    }
    return list;
  }

  nghttp2_data_provider provide() {
    nghttp2_data_provider provider{{}, on_read};
    provider.source.ptr = this;
    return provider;
  }

  static void note(Stream& of, const std::string& text) { of.log += (of.log.empty() ? "" : " ") + text; }

  static ssize_t on_read(nghttp2_session* session, int32_t id, uint8_t* to, size_t most, uint32_t* flags,
                         nghttp2_data_source* source, void*) {
    Nghttp2Peer& peer = *static_cast<Nghttp2Peer*>(source->ptr);
    Stream& of = peer.streams.at(id);
    size_t part = std::min({most, peer.options.piece_max, of.out.size() - of.sent});
    if (part == 0 && !of.ends) return NGHTTP2_ERR_DEFERRED;
    std::copy_n(of.out.data() + of.sent, part, to);
    of.sent += part;
    if (!of.ends || of.sent < of.out.size()) return static_cast<ssize_t>(part);
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (!of.trailers.empty()) {
      *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
      std::vector<nghttp2_nv> list = pairs_of(of.trailers);
      nghttp2_submit_trailer(session, id, list.data(), list.size());
    }
    return static_cast<ssize_t>(part);
  }

  static int on_begin_headers(nghttp2_session*, const nghttp2_frame*, void* data) {
    self(data).list_.clear();
    return 0;
  }
  static int on_header(nghttp2_session*, const nghttp2_frame*, const uint8_t* name, size_t name_size, const uint8_t* value,
                       size_t value_size, uint8_t, void* data) {
    self(data).list_.emplace_back(std::string(reinterpret_cast<const char*>(name), name_size),
                                  std::string(reinterpret_cast<const char*>(value), value_size));
    return 0;
  }
  void on_list(Stream& of) {
    bool trailers = list_.empty() || !list_[0].first.starts_with(':');
    std::string text;
    for (const auto& [name, value] : list_) {
      if (trailers) text += name + "=" + value;
      if (name == ":status" || name == ":method") text = value;
      if (name == ":path") text += " " + value;
    }
    bool interim = !trailers && text.starts_with('1');
    note(of, (trailers ? "trailers(" : interim ? "interim(" : "head(") + text + ")");
    if (!trailers && !interim) of.fields = list_;
  }
  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* data) {
    Nghttp2Peer& peer = self(data);
    int32_t id = frame->hd.stream_id;
    if (frame->hd.type == NGHTTP2_HEADERS) peer.on_list(peer.streams[id]);
    if (frame->hd.type == NGHTTP2_RST_STREAM) {
      note(peer.streams[id], "reset(" + std::to_string(frame->rst_stream.error_code) + ")");
    }
    if (frame->hd.type == NGHTTP2_GOAWAY) peer.goaways.push_back({frame->goaway.last_stream_id, frame->goaway.error_code});
    bool message = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    if (message && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) note(peer.streams[id], "end");
    return 0;
  }
  static int on_chunk(nghttp2_session* session, uint8_t, int32_t id, const uint8_t* bytes, size_t size, void* data) {
    Stream& of = self(data).streams[id];
    of.body.append(reinterpret_cast<const char*>(bytes), size);
    of.unconsumed += size;
    if (self(data).options.holds) return 0;
    of.unconsumed = 0;
    return nghttp2_session_consume(session, id, size);
  }
  static int on_close(nghttp2_session*, int32_t id, uint32_t code, void* data) {
    self(data).streams[id].closed = code;
    return 0;
  }
  static int on_invalid(nghttp2_session*, const nghttp2_frame* frame, int error, void* data) {
    if (error == NGHTTP2_ERR_REFUSED_STREAM) return 0;   // sent before its SETTINGS were heard
    self(data).complaints += "frame " + std::to_string(frame->hd.type) + ": " + nghttp2_strerror(error) + "; ";
    return 0;
  }
  static int on_error(nghttp2_session*, int, const char* text, size_t size, void* data) {
    self(data).complaints.append(text, size).append("; ");
    return 0;
  }
  static ssize_t on_padding(nghttp2_session*, const nghttp2_frame* frame, size_t most, void* data) {
    return static_cast<ssize_t>(std::min(most, frame->hd.length + self(data).options.padding));
  }

  static nghttp2_session_callbacks* make_callbacks() {
    nghttp2_session_callbacks* all = nullptr;
    nghttp2_session_callbacks_new(&all);
    nghttp2_session_callbacks_set_on_begin_headers_callback(all, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(all, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(all, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(all, on_chunk);
    nghttp2_session_callbacks_set_on_stream_close_callback(all, on_close);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(all, on_invalid);
    nghttp2_session_callbacks_set_error_callback2(all, on_error);
    nghttp2_session_callbacks_set_select_padding_callback(all, on_padding);
    return all;
  }

  nghttp2_session* session_ = nullptr;
  Texts list_;   // of the header block under way
};

inline const Texts kPostFields = {{":method", "POST"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/p"}};

/// A body in which every place has bytes of its own, so that nothing lost, doubled or moved stays unseen.
inline std::string body_of(size_t size, uint32_t seed = 0) {
  std::vector<uint32_t> words(size / sizeof(uint32_t) + 1);
  std::iota(words.begin(), words.end(), seed);
  return {reinterpret_cast<const char*>(words.data()), size};
}

inline void send_trailers(http::Stream& stream, RecordingEvents& events, std::string_view name, std::string_view value) {
  Fields trailers(events.arena());
  trailers.add(name, value);
  stream.send_trailers(trailers);
}

/// Our server with nghttp2's client.
struct Served : H2Server {
  explicit Served(Nghttp2Options options = {}, const H2Limits& with = {})
      : H2Server(with), client(Nghttp2Peer::Role::client, options) {}

  /// Carries bytes, `step` at a time, until nobody has any more to say.
  void settle(size_t step = 0) {
    while (true) {
      std::string to_server = client.take_output(), to_client = wire.take_sent();
      if (to_server.empty() && to_client.empty()) return;
      send(to_server, step);
      client.feed(to_client, step);
    }
  }
  int32_t ask(const Texts& fields, Nghttp2Peer::Rest rest = Nghttp2Peer::Rest::none) {
    int32_t id = client.ask(fields, rest);
    settle();
    return id;
  }
  RecordingEvents& request(size_t at) { return *keeper.requests.at(at); }
  http::Stream& stream(size_t at) { return *keeper.streams.at(at); }

  Nghttp2Peer client;
};

/// Our client with nghttp2's server.
struct Asked {
  struct Request {
    explicit Request(BlockPool& pool) : events(pool) {}
    RecordingEvents events;
    http::Stream* stream = nullptr;
  };

  struct What {
    Method method = Method::get;
    std::string path = "/p";
    End end = End::yes;
    Texts fields = {};
    std::string_view upgrade = {};
    std::optional<uint64_t> length = {};
  };

  explicit Asked(Nghttp2Options options = {}) : server(Nghttp2Peer::Role::server, options) { codec.start(); }

  void settle(size_t step = 0) {
    while (true) {
      std::string to_client = server.take_output(), to_server = wire.take_sent();
      if (to_server.empty() && to_client.empty()) return;
      server.feed(to_server, step);
      feed(codec, wire, to_client, step);
    }
  }
  /// A request of which nothing has left yet.
  Request& open(const What& what) {
    Request& request = *requests.emplace_back(std::make_unique<Request>(pool));
    request.stream = &codec.open(request.events);
    Arena& arena = request.events.arena();
    Head* head = arena.make<Head>(arena);
    head->method = what.method;
    head->authority = "a";
    head->path = arena.copy(what.path);
    head->upgrade = what.upgrade;
    head->content_length = what.length;
    for (const auto& [name, value] : what.fields) head->fields.add(arena.copy(name), arena.copy(value));
    request.stream->send_head(*head, what.end);
    return request;
  }
  Request& ask(const What& what) {
    Request& request = open(what);
    settle();
    return request;
  }

  BlockPool pool;
  FakeWire wire{pool};
  H2Limits limits;
  std::vector<std::unique_ptr<Request>> requests;
  H2ClientCodec codec{wire, Scheme::http, limits};
  Nghttp2Peer server;
};

}  // namespace sluice::http

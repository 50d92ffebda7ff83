// HTTP/2: any bytes to a server and to a client. However they are cut the same messages come out (unless a stream was
// reset or the connection ended: what follows in the same read is looked at before our answer is out); what comes out
// is in normal form; bodies keep to windows and announced lengths; everybody hears of the end.
#include <algorithm>
#include <string>

#include "base/text.h"
#include "fuzz.h"
#include "http/rules.h"
#include "unit/http/h2_peers.h"

using namespace sluice;
using namespace sluice::http;

namespace {

H2Limits tight() {
  H2Limits limits;
  limits.head = {.line_bytes_max = 256, .header_bytes_max = 1024, .headers_max = 16};
  limits.streams = 8;
  limits.resets = limits.pings = limits.settings = limits.empty_frames = 8;
  limits.control_frames = 32;
  return limits;
}

void check_request(const RecordingEvents& events) {
  if (events.head == nullptr || events.refused) return;
  const Head& head = *events.head;
  CLAIM(head.method != Method::unknown && !head.authority.empty());
  CLAIM(head.asterisk || head.path.starts_with('/'));
  for (const Field& field : head.fields) {
    CLAIM(!is_hop_by_hop(field.id) && is_token(field.name()) && is_field_value(field.value()));
  }
  if (head.body == Body::length) CLAIM(events.body.size() <= *head.content_length);
  if (head.body == Body::none) CLAIM(events.body.empty());
}

/// gives: "" when the log depends on how the bytes are cut
std::string comparable(const std::string& log, const FakeWire& wire) {
  bool resets = wire.finished || (" " + frame_types(wire.sent)).find(" 3(") != std::string::npos;
  bool too_long = log.find("(bad_content_length)") != std::string::npos;
  return resets || too_long ? "" : log;
}

/// What a client heard of one stream. Of a piece that is longer than what was announced nothing is delivered, however
/// small the pieces before were: then the body does not count.
std::string heard_of(RecordingEvents& events) {
  std::string log = events.log();
  size_t body = log.find(" body("), reset = log.find(" reset(bad_message)");
  return body < reset && reset != log.npos ? log.erase(body, reset - body) : log;
}

/// The sockets that were asked for, each agreed to when it is first seen.
struct Tunnels {
  void open(H2Server& server) {
    while (by_request.size() < server.keeper.requests.size()) {
      size_t at = by_request.size();
      RecordingEvents& events = *server.keeper.requests[at];
      bool asked = !events.reset && !events.refused && events.head != nullptr && !events.head->upgrade.empty();
      by_request.push_back(asked ? std::make_unique<RecordingEvents>(server.pool) : nullptr);
      if (!asked) continue;
      CLAIM(equals_ignore_case(events.head->upgrade, "websocket") && events.head->method == Method::get);
      server.keeper.streams[at]->send_head(server.make_head(at, 200), End::no);
      server.keeper.streams[at]->begin_tunnel(*by_request[at]);
    }
  }
  std::string log() const {
    std::string all;
    for (const auto& events : by_request) all += " > " + (events ? events->log() : "");
    return all;
  }
  std::vector<std::unique_ptr<RecordingEvents>> by_request;
};

/// Feeds a server that answers, consumes and lets go of every second request. gives: what it heard
std::string serve(std::string_view bytes, size_t step) {
  H2Server server(tight());
  Tunnels tunnels;
  server.send(kPreface);
  size_t fed = 0, seen = 0;
  while (fed < bytes.size() && !server.wire.finished) {
    size_t part = std::min(step == 0 ? bytes.size() : step, bytes.size() - fed);
    server.send(bytes.substr(fed, part));
    fed += part;
    tunnels.open(server);
  }
  std::string log = comparable(server.keeper.log() + tunnels.log(), server.wire);
  // Of a request for a socket either its first receiver or its tunnel hears what became of it: by when it was agreed to.
  bool sockets = std::ranges::any_of(tunnels.by_request, [](const auto& events) { return events != nullptr; });
  if (sockets && (log.find("reset(") != std::string::npos || log.find("refused(") != std::string::npos)) log.clear();
  for (; seen < server.keeper.requests.size(); ++seen) {
    check_request(*server.keeper.requests[seen]);
    bool tunnel = seen < tunnels.by_request.size() && tunnels.by_request[seen];
    RecordingEvents& events = tunnel ? *tunnels.by_request[seen] : *server.keeper.requests[seen];
    CLAIM(events.body.size() <= kH2StreamWindow);
    if (events.reset) continue;
    CLAIM(!server.wire.finished || *server.wire.finished == Finish::flush);
    if (events.unconsumed > 0) events.consume_all(*server.keeper.streams[seen]);
    if (tunnel && seen % 2 == 0) server.keeper.streams[seen]->send_body({}, End::yes);
    if (!tunnel && seen % 2 == 0) {
      server.keeper.streams[seen]->send_head(server.make_head(seen, 200), End::no);
      size_t credit = server.keeper.streams[seen]->credit();
      server.keeper.streams[seen]->send_body(chain_of(server.pool, std::string(std::min<size_t>(credit, 300), 'a')), End::yes);
    }
    server.keeper.streams[seen]->detach();
  }
  server.codec.on_failed({Code::reset, Side::gateway, Progress::sent, "over"});
  CLAIM(server.wire.finished);
  return log;
}

/// A client with three requests, the last one for a socket, hears `bytes`. gives: what it heard
std::string listen(std::string_view bytes, size_t step) {
  BlockPool pool;
  FakeWire wire(pool);
  H2Limits limits = tight();
  RecordingEvents one(pool), two(pool), socket(pool);
  H2ClientCodec codec(wire, Scheme::http, limits);
  codec.start();
  Stream* last = nullptr;
  for (RecordingEvents* events : {&one, &two, &socket}) {
    Stream& stream = codec.open(*events);
    Head* head = events->arena().make<Head>(events->arena());
    head->method = events == &two ? Method::head : Method::get;
    if (events == &socket) head->upgrade = "websocket";
    last = &stream;
    head->authority = "a";
    head->path = "/";
    stream.send_head(*head, End::yes);
  }
  feed(codec, wire, bytes, step);
  std::string log = comparable(heard_of(one) + " | " + heard_of(two) + " | " + heard_of(socket), wire);
  RecordingEvents tunnel(pool);
  if (!socket.reset && socket.head != nullptr && socket.head->status < 300) last->begin_tunnel(tunnel);
  codec.on_failed({Code::reset, Side::gateway, Progress::sent, "over"});
  CLAIM(one.body.empty() || one.head != nullptr);
  CLAIM(two.body.empty());
  return log;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string_view bytes = text_of(data, size);
  std::string whole = serve(bytes, 0);
  std::string heard = listen(bytes, 0);
  for (size_t step : {size_t{1}, size_t{data[size / 2]} + 1}) {
    std::string cut = serve(bytes, step);
    CLAIM(cut.empty() || whole.empty() || cut == whole);
    cut = listen(bytes, step);
    CLAIM(cut.empty() || heard.empty() || cut == heard);
  }
  return 0;
}

// Messages of WebSockets, looked at: however the bytes are cut, the same of them pass or the socket ends for the same
// reason; what passes is good when it is read once more; and nothing passes twice, or but for pongs is left out. Some inputs
// are an offer of extensions and its answer: offers that stay are all readable, and windows have bounds.
#include <string>
#include <vector>

#include "fuzz.h"
#include "proxy/message_flow.h"

using namespace sluice;
using proxy::MessageFault;

namespace {

struct Seen {
  std::string passed;
  MessageFault fault = MessageFault::none;
  http::WsClose code = http::WsClose::none;
  size_t rest = 0;
};

constexpr uint64_t kOwnPing = 0x3131313131313131;

route::WebSocketConfig config_of(uint8_t choice) {
  route::WebSocketConfig out;
  out.max_message = config::Bytes{choice & 1 ? 4096U : 128U};
  if (choice & 2) out.message_types = {"type", {"a", "b"}};
  return out;
}

Seen judge(std::string_view bytes, size_t step, uint8_t choice) {
  BlockPool blocks;
  proxy::MessageRules rules(config_of(choice));
  http::WsDeflate deflate;
  deflate.agreed = (choice & 4) != 0;
  deflate.client.keeps = deflate.upstream.keeps = (choice & 8) != 0;
  proxy::MessageFlow flow(rules, choice & 16 ? Side::upstream : Side::client, deflate, nullptr);
  Seen out;
  Chain passed;
  size_t room = 0;
  for (size_t at = 0; at < bytes.size() && out.fault == MessageFault::none; at += step) {
    Chain part;
    part.append_copy(blocks, bytes.substr(at, step));
    flow.arrived(std::move(part));
    out.fault = flow.judge(TimePoint{}, kOwnPing, passed);
    flow.compact(blocks);
    room += flow.take_room();
  }
  out.passed = passed.to_string();
  room += out.passed.size() - flow.given_before(out.passed.size());
  out.code = flow.code();
  out.rest = flow.take_rest().size();
  CLAIM(room <= bytes.size());
  CLAIM((out.fault == MessageFault::none) == (out.code == http::WsClose::none));
  return out;
}

void negotiate(std::string_view text) {
  BlockPool blocks;
  Arena arena(blocks);
  http::Fields request(arena), kept(arena), response(arena);
  size_t end = text.find('\n');
  request.add(http::FieldId::sec_websocket_extensions, text.substr(0, end));
  if (end != std::string_view::npos) response.add(http::FieldId::sec_websocket_extensions, text.substr(end + 1));
  std::string_view offers = http::ws_deflate_offers(request, arena);
  kept.add(http::FieldId::sec_websocket_extensions, offers);
  CLAIM(http::ws_deflate_offers(kept, arena) == offers);
  auto agreed = http::read_ws_extensions(request, response);
  auto again = http::read_ws_extensions(kept, response);
  CLAIM(agreed.has_value() == again.has_value());   // nobody is held to what was taken out
  if (!agreed) return;
  CLAIM(!agreed->agreed || !offers.empty());
  for (http::WsDeflate::Way way : {agreed->client, agreed->upstream}) CLAIM(way.window_bits >= 8 && way.window_bits <= 15);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  uint8_t choice = data[0];
  std::string_view bytes = text_of(data + 1, size - 1);
  if (choice & 32) {
    negotiate(bytes);
    return 0;
  }
  Seen whole = judge(bytes, bytes.size() + 1, choice);
  for (size_t step : {size_t{1}, size_t{3}, size_t{50}}) {
    Seen cut = judge(bytes, step, choice);
    CLAIM(cut.fault == whole.fault && cut.code == whole.code);
    // A piece of a frame may have passed before its fault was seen.
    CLAIM(cut.passed.starts_with(whole.passed));
    if (whole.fault == MessageFault::none) CLAIM(cut.passed == whole.passed && cut.rest == whole.rest);
  }
  CLAIM(whole.passed.size() + whole.rest <= bytes.size());
  Seen again = judge(whole.passed, whole.passed.size() + 1, choice);
  CLAIM(again.fault == MessageFault::none && again.passed == whole.passed);
  return 0;
}

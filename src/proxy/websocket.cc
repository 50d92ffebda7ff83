#include "proxy/websocket.h"

#include <string>

#include "base/base64.h"
#include "base/text.h"
#include "crypto/sha1.h"
#include "proxy/problems.h"

namespace sluice::proxy {

using http::FieldId;

namespace {

constexpr std::string_view kKeySuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";   // RFC 6455 section 1.3
constexpr size_t kKeyBytes = 16;
constexpr size_t kKeyText = 24;   // those in Base64
constexpr std::string_view kVersion = "13";

bool has_key(const http::Head& request) {
  const http::Field* key = request.fields.find(FieldId::sec_websocket_key);
  if (key == nullptr || request.fields.count(FieldId::sec_websocket_key) != 1 || key->value_size != kKeyText) return false;
  std::string bytes;
  return decode_base64(key->value(), bytes) && bytes.size() == kKeyBytes;
}

}  // namespace

const http::Problem* check_websocket_request(const http::Head& request) {
  if (!equals_ignore_case(request.upgrade, http::kWebSocket)) return &kUpgradeRequired;
  if (request.fields.get(FieldId::sec_websocket_version) != kVersion ||
      request.fields.count(FieldId::sec_websocket_version) != 1) {
    return &kWebSocketVersion;
  }
  // Java's own client says "Content-Length: 0"; who announces nothing sends nothing.
  bool empty = request.body == http::Body::none || request.content_length == 0;
  bool plain = request.method == http::Method::get && empty;
  bool keyed = request.version == http::Version::h2 || has_key(request);
  return plain && keyed ? nullptr : &kBadWebSocketHandshake;
}

std::string_view websocket_key(Random& random, Arena& arena) {
  uint64_t words[kKeyBytes / sizeof(uint64_t)] = {random.next(), random.next()};
  std::string key;
  append_base64({reinterpret_cast<const char*>(words), sizeof words}, key);
  return arena.copy(key);
}

std::string_view websocket_accept(const http::Head& request, Arena& arena) {
  std::string text(request.fields.get(FieldId::sec_websocket_key).value_or(""));
  text += kKeySuffix;
  std::string accept;
  append_base64(crypto::sha1(text), accept);
  return arena.copy(accept);
}

bool is_websocket_response(const http::Head& response, std::string_view accept) {
  return response.status == 101 && equals_ignore_case(response.upgrade, http::kWebSocket) &&
         response.fields.count(FieldId::sec_websocket_accept) == 1 &&
         response.fields.get(FieldId::sec_websocket_accept) == accept;
}

void limit_extensions(http::Head& request, const route::WebSocketConfig& config) {
  if (!config.message_aware() || !request.fields.has(FieldId::sec_websocket_extensions)) return;
  std::string_view kept;
  if (config.deflate_passes()) kept = http::ws_deflate_offers(request.fields, request.fields.arena());
  request.fields.remove(FieldId::sec_websocket_extensions);
  if (!kept.empty()) request.fields.add(FieldId::sec_websocket_extensions, kept);
}

std::optional<http::WsDeflate> agreed_extensions(const http::Head& request, const http::Head& response,
                                                 const route::WebSocketConfig& config) {
  if (!config.message_aware()) return http::WsDeflate{};
  return http::read_ws_extensions(request.fields, response.fields);
}

}  // namespace sluice::proxy

#include "proxy/message_rules.h"

#include <algorithm>

namespace sluice::proxy {

namespace {

/// A reader's memory is some fourteen times the largest message that it has read.
constexpr uint64_t kReadersMessageMax = 256 << 10;

}  // namespace

MessageRules::MessageRules(const route::WebSocketConfig& config) {
  uint64_t bytes_max = config.max_message ? config.max_message->count : UINT64_MAX;
  client_ = {.masked = true, .message_bytes_max = bytes_max};
  upstream_ = {.masked = false, .message_bytes_max = bytes_max};
  if (config.rate) {
    const config::Rate& rate = config.rate->value;
    rate_ = policy::LimitRule::gcra(rate.count, rate.per, rate.count);
  }
  ping_ = config.ping.value_or(Duration{});
  if (!config.message_types) return;
  field_ = config.message_types->field;
  allow_ = config.message_types->allow;
  std::sort(allow_.begin(), allow_.end());
  json_.emplace(std::min(bytes_max, kReadersMessageMax));
}

bool MessageRules::allows(std::string_view message) {
  if (message.size() <= kReadersMessageMax) return allows(message, *json_);
  JsonReader for_once(message.size());
  return allows(message, for_once);
}

bool MessageRules::allows(std::string_view message, JsonReader& reader) const {
  Result<JsonValue> value = reader.read(message);
  if (!value) return false;
  std::optional<JsonValue> member = value->member(field_);
  if (!member) return false;
  std::optional<std::string_view> type = member->string();
  return type && std::binary_search(allow_.begin(), allow_.end(), *type);
}

}  // namespace sluice::proxy

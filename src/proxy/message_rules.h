// What a route asks of the messages of its WebSockets, compiled; shared by the tunnels of one worker.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "http/ws_frame.h"
#include "policy/limit/rule.h"
#include "route/route_config.h"

namespace sluice::proxy {

class MessageRules {
 public:
  /// needs: config.message_aware(), checked
  explicit MessageRules(const route::WebSocketConfig& config);

  const http::WsRules& frames(Side from) const { return from == Side::client ? client_ : upstream_; }
  /// How often a client may send; null: as it likes.
  const policy::LimitRule* rate() const { return rate_ ? &*rate_ : nullptr; }
  /// Zero: never.
  Duration ping() const { return ping_; }
  /// Clients' messages are JSON objects of some types.
  bool types() const { return !allow_.empty(); }
  /// needs: types()
  bool allows(std::string_view message);

 private:
  bool allows(std::string_view message, JsonReader& reader) const;

  http::WsRules client_;
  http::WsRules upstream_;
  std::optional<policy::LimitRule> rate_;
  Duration ping_{};
  std::string field_;
  std::vector<std::string> allow_;   // sorted
  std::optional<JsonReader> json_;   // of messages of ordinary size: it keeps its memory
};

}  // namespace sluice::proxy

// What is asked of Redis, and its bytes. Knows no sockets.
#pragma once

#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/chain.h"
#include "base/clock.h"

namespace sluice::redis {

/// Of one command, its arguments together: a record of an audit log with room to spare.
inline constexpr size_t kCommandBytesMax = 256 * 1024;

/// A script with one key, named by its digest. Outlives every command that is under way with it, unless the
/// command was cancelled.
class Script {
 public:
  explicit Script(std::string source);
  const std::string& source() const { return source_; }
  const std::string& digest() const { return digest_; }

 private:
  std::string source_;
  std::string digest_;   // SHA-1, 40 hex digits
};

/// Views need to live during Client::send() only.
struct Command {
  /// All of them, the name first: {"SET", key, value, "NX"}. Of a script: what follows its key.
  std::span<const std::string_view> arguments;
  /// The one that decides the node in a cluster; empty: any node will do. Of a script: its key.
  std::string_view key{};
  const Script* script = nullptr;
  TimePoint deadline{};   // when the asker is told `timeout`; default: the client's command timeout from now
  uint64_t tag = 0;       // handed back with the answer
  std::shared_ptr<const void> keep{};   // held until then: what the asker lives in, if it could go before
};

/// Appends `arguments` as bulk strings, without the array's head.
void encode_arguments(BlockPool& pool, Chain& out, std::span<const std::string_view> arguments);
inline void encode_arguments(BlockPool& pool, Chain& out, std::initializer_list<std::string_view> arguments) {
  encode_arguments(pool, out, std::span(arguments.begin(), arguments.size()));
}
/// Appends the head of an array of `count`.
void encode_count(BlockPool& pool, Chain& out, size_t count);
/// Appends a whole command.
void encode(BlockPool& pool, Chain& out, std::span<const std::string_view> arguments);
inline void encode(BlockPool& pool, Chain& out, std::initializer_list<std::string_view> arguments) {
  encode(pool, out, std::span(arguments.begin(), arguments.size()));
}

}  // namespace sluice::redis

// One direction of a WebSocket whose messages are looked at: judges frames and messages as they come, and lets pass what
// has been judged, byte for byte as it came. Holds back headers, control frames until they are whole, and messages that
// must be seen whole. Looks into no payload that it need not.
#pragma once

#include <memory>
#include <string>

#include "base/chain.h"
#include "http/ws_deflate.h"
#include "http/ws_frame.h"
#include "proxy/message_rules.h"

namespace sluice::proxy {

/// Of a message that is held: many small ones cost more than their bytes.
inline constexpr uint32_t kHeldFragmentsMax = 1024;

/// Why a message or frame may not pass.
enum class MessageFault : uint8_t { none, protocol, size, rate, type };

class MessageFlow {
 public:
  /// `share`: where memory is counted; null: nowhere
  MessageFlow(MessageRules& rules, Side from, const http::WsDeflate& deflate, MemoryShare* share);
  MessageFlow(const MessageFlow&) = delete;
  ~MessageFlow();

  void arrived(Chain bytes) { fresh_.append(std::move(bytes)); }
  /// A message, or its frame, is held until more has come.
  bool holds() const { return !reader_.control() && (!message_.empty() || !frame_.empty()); }
  /// Something has come that judge() has not seen.
  bool waiting() const { return !fresh_.empty(); }
  /// Judges all that has come. Appends to `out` what may pass. needs: no fault before
  /// `own_ping`: payload of our pings to this side, whose pongs are dropped
  MessageFault judge(TimePoint now, uint64_t own_ping, Chain& out);
  /// What to close with after a fault.
  http::WsClose code() const { return code_; }
  /// Part of the frame under way has passed: nothing can be put before its end.
  bool within_passed() const { return passed_; }
  /// What is left, judged or not, in order.
  Chain take_rest();

  /// Bytes for which the sender gets room although they have not left the tunnel: dropped, or held.
  size_t take_room() { return std::exchange(room_, 0); }
  /// Of `bytes` that leave the tunnel, those that take_room() has told of.
  size_t given_before(size_t bytes);
  /// What is held here stays some time.
  void compact(BlockPool& blocks);

 private:
  /// What becomes of the bytes looked at since the last answer.
  enum class Fate : uint8_t { wait, pass, drop, hold, let_go };

  MessageFault ignore_fresh();
  void judge_slice(TimePoint now, uint64_t own_ping, Chain& out);
  Fate step(std::string_view bytes, size_t& used, TimePoint now, uint64_t own_ping);
  bool read_header(std::string_view bytes, size_t& used);
  // Each of these gives false after a fault.
  bool begin_frame(TimePoint now);
  bool begin_message(TimePoint now);
  bool see(std::string_view bytes);
  bool see_plain(std::string_view bytes);
  bool inflate(std::string_view bytes);
  void keep(std::string_view bytes);
  void count_text();
  bool end_message();
  bool good(http::WsClose code);
  bool fail(MessageFault fault, http::WsClose code);
  Fate fate(uint64_t own_ping) const;
  void drop_frame();

  MessageRules* rules_;
  http::WsReader reader_;
  http::WsHeader header_;
  Chain fresh_;                // not looked at
  Chain frame_;                // of the frame under way, and not decided
  Chain message_;              // held until it is whole
  std::string text_;           // what that says
  size_t text_room_ = 0;       // of it, as share_ was told
  MemoryShare* share_;         // null: nowhere
  std::unique_ptr<http::WsInflater> inflater_;   // null: nothing is compressed
  uint64_t rate_word_ = 0;     // policy/limit/rule.h
  uint64_t echoed_ = 0;        // first bytes of a control frame
  size_t room_ = 0;            // see take_room()
  size_t given_ = 0;
  uint32_t fragments_ = 0;     // of the message that is held
  http::WsClose code_ = http::WsClose::none;
  MessageFault fault_ = MessageFault::none;
  Side from_;
  uint8_t header_bytes_ = 0;   // of a header that came in pieces
  bool holds_ = false;         // messages of this side are held
  bool passed_ = false;        // bytes of the frame under way have
  char partial_[http::WsHeader::kBytesMax];
};

}  // namespace sluice::proxy

// Which fields may go into HPACK's table (RFC 7541 section 2.3.2), which is small: it is for what comes again. What does not
// come again would only drive that out.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "http/h2_head.h"

namespace sluice::http {

class H2Indexing {
 public:
  /// Once for each header list, before its fields.
  void begin_list() { names_again_ = lists_++ % kNamesAgain == 0; }

  bool may_hold(const H2Field& field) {
    if (!kJudged.has(field.id)) return true;
    if (kSecrets.has(field.id)) return false;   // (RFC 7541 section 7.1.3)
    bool came_before = kOfClients.has(field.id) && remember(field.value);
    return came_before || names_again_;
  }

 private:
  static constexpr FieldIdSet kSecrets{FieldId::authorization, FieldId::set_cookie};
  /// The same from a client that asks often, and as many others as there are clients.
  static constexpr FieldIdSet kOfClients{FieldId::forwarded, FieldId::x_forwarded_for, FieldId::x_real_ip};
  /// And those that are never the same.
  static constexpr FieldIdSet kJudged{FieldId::authorization, FieldId::set_cookie, FieldId::forwarded, FieldId::x_forwarded_for,
                                      FieldId::x_real_ip, FieldId::x_request_id, FieldId::traceparent};
  static constexpr uint32_t kNamesAgain = 64;   // lists, after which one goes in as it is: an entry spares the others their name

  /// gives: whether it is one of the last few (or looks like one)
  bool remember(std::string_view value) {
    uint64_t hash = mixed(value);
    uint32_t& place = recent_[hash % recent_.size()];
    auto mark = static_cast<uint32_t>(hash >> 32);
    bool found = place == mark;
    place = mark;
    return found;
  }

  /// Quick, and good enough where nothing hangs on it.
  static uint64_t mixed(std::string_view bytes) {
    uint64_t state = bytes.size();
    while (!bytes.empty()) {
      uint64_t word = 0;
      size_t part = std::min(bytes.size(), sizeof(word));
      std::memcpy(&word, bytes.data(), part);
      state = (state ^ word) * 0x9e3779b97f4a7c15ULL;   // 2^64 by the golden ratio
      state ^= state >> 32;
      bytes.remove_prefix(part);
    }
    return state;
  }

  std::array<uint32_t, 16> recent_{};
  uint32_t lists_ = 0;
  bool names_again_ = false;
};

}  // namespace sluice::http

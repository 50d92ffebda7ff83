// Header and trailer fields of one message, in the order received. Names and values are views into the
// Arena (or static text); the arena must outlive the Fields.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string_view>

#include "base/arena.h"
#include "base/check.h"

namespace sluice::http {

/// Names that some code of ours asks for, interned once at parsing. At most 64: one bit each.
enum class FieldId : uint8_t {
  other,
  // framing and hop-by-hop
  connection, content_length, expect, host, keep_alive, proxy_connection, te, trailer, transfer_encoding, upgrade,
  http2_settings, proxy_authenticate, proxy_authorization,
  // forwarding
  forwarded, x_forwarded_for, x_forwarded_host, x_forwarded_proto, x_forwarded_port, x_real_ip, via, max_forwards,
  // identity and tracing
  authorization, cookie, set_cookie, x_request_id, traceparent, tracestate,
  // representation
  accept, accept_encoding, allow, cache_control, content_encoding, content_type, date, etag, if_match,
  if_modified_since, if_none_match, last_modified, location, range, retry_after, server, user_agent, vary,
  strict_transport_security,
  // browsers
  origin, referer, access_control_request_method, access_control_request_headers,
  // WebSocket
  sec_websocket_key, sec_websocket_accept, sec_websocket_version, sec_websocket_protocol, sec_websocket_extensions,
  count_,
};
static_assert(static_cast<int>(FieldId::count_) <= 64);

/// Some of the ids above, in one word.
class FieldIdSet {
 public:
  constexpr FieldIdSet() = default;
  constexpr FieldIdSet(std::initializer_list<FieldId> ids) {
    for (FieldId id : ids) add(id);
  }
  constexpr void add(FieldId id) { bits_ |= bit(id); }
  constexpr bool has(FieldId id) const { return (bits_ & bit(id)) != 0; }
  constexpr bool meets(FieldIdSet other) const { return (bits_ & other.bits_) != 0; }

 private:
  static constexpr uint64_t bit(FieldId id) { return uint64_t{1} << static_cast<unsigned>(id); }
  uint64_t bits_ = 0;
};

/// gives: FieldId::other for a name not in the list; ignores case
FieldId field_id(std::string_view name);
/// The usual spelling ("Content-Length"); empty for other.
std::string_view field_name(FieldId id);
/// The same in lower case, as HTTP/2 has it.
std::string_view lower_field_name(FieldId id);

struct Field {
  const char* name_data;
  const char* value_data;
  uint32_t value_size;
  uint16_t name_size;
  FieldId id;

  std::string_view name() const { return {name_data, name_size}; }
  std::string_view value() const { return {value_data, value_size}; }
};

class Fields {
 public:
  static constexpr size_t kNameBytesMax = 65'535;
  static constexpr size_t kValueBytesMax = std::numeric_limits<uint32_t>::max();

  explicit Fields(Arena& arena) : arena_(&arena) {}

  /// Appends; both texts must live as long as the arena.
  void add(std::string_view name, std::string_view value) { add(field_id(name), name, value); }
  void add(FieldId id, std::string_view value) { add(id, field_name(id), value); }
  void add(FieldId id, std::string_view name, std::string_view value) {
    CHECK(name.size() <= kNameBytesMax && value.size() <= kValueBytesMax);
    if (size_ == capacity_) grow();
    data_[size_++] = Field{name.data(), value.data(), static_cast<uint32_t>(value.size()),
                           static_cast<uint16_t>(name.size()), id};
    present_.add(id);
  }
  /// Removes every field of that name, then appends.
  void set(FieldId id, std::string_view value) { remove(id); add(id, value); }
  void set(std::string_view name, std::string_view value) { remove(name); add(name, value); }
  void remove(FieldId id);
  void remove(std::string_view name);
  /// Removes the fields for which drop(const Field&) is true, keeping the order of the others.
  template <class Drop>
  void remove_if(Drop drop) {
    const Field* end = data_ + size_;
    Field* kept = data_;
    FieldIdSet present;
    for (const Field* field = data_; field != end; ++field) {
      if (drop(*field)) continue;
      present.add(field->id);
      if (kept != field) *kept = *field;
      ++kept;
    }
    size_ = static_cast<uint16_t>(kept - data_);
    present_ = present;
  }

  bool has(FieldId id) const { return present_.has(id); }
  /// The ids of all fields; with FieldId::other when one has a name that is not in the list.
  FieldIdSet present() const { return present_; }
  /// The first of that name.
  const Field* find(FieldId id) const;
  const Field* find(std::string_view name) const;
  std::optional<std::string_view> get(FieldId id) const {
    const Field* field = find(id);
    return field ? std::optional(field->value()) : std::nullopt;
  }
  std::optional<std::string_view> get(std::string_view name) const {
    const Field* field = find(name);
    return field ? std::optional(field->value()) : std::nullopt;
  }
  size_t count(FieldId id) const;

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const Field* begin() const { return data_; }
  const Field* end() const { return data_ + size_; }
  Arena& arena() const { return *arena_; }

 private:
  void grow();

  Arena* arena_;
  Field* data_ = nullptr;
  FieldIdSet present_;
  uint16_t size_ = 0;
  uint16_t capacity_ = 0;
};

}  // namespace sluice::http

#include "http/fields.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/check.h"
#include "base/text.h"

namespace sluice::http {

namespace {

constexpr size_t kIds = static_cast<size_t>(FieldId::count_);

constexpr std::array<std::string_view, kIds> kNames = {
    "",
    "Connection", "Content-Length", "Expect", "Host", "Keep-Alive", "Proxy-Connection", "TE",
    "Trailer", "Transfer-Encoding", "Upgrade", "HTTP2-Settings", "Proxy-Authenticate",
    "Proxy-Authorization",
    "Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port",
    "X-Real-IP", "Via", "Max-Forwards",
    "Authorization", "Cookie", "Set-Cookie", "X-Request-Id", "traceparent", "tracestate",
    "Accept", "Accept-Encoding", "Allow", "Cache-Control", "Content-Encoding", "Content-Type",
    "Date", "ETag", "If-Match", "If-Modified-Since", "If-None-Match", "Last-Modified",
    "Location", "Range", "Retry-After", "Server", "User-Agent", "Vary",
    "Strict-Transport-Security",
    "Origin", "Referer", "Access-Control-Request-Method", "Access-Control-Request-Headers",
    "Sec-WebSocket-Key", "Sec-WebSocket-Accept", "Sec-WebSocket-Version",
    "Sec-WebSocket-Protocol",
    "Sec-WebSocket-Extensions",
};
static_assert(kNames.back() == "Sec-WebSocket-Extensions");

constexpr size_t kNameMax = 32;   // the longest interned name has 30 bytes

/// The interned names in lower case, those of one length together.
struct Lookup {
  struct Entry {
    std::array<char, kNameMax> lower{};
    FieldId id = FieldId::other;
  };
  std::array<Entry, kIds> entries{};
  std::array<uint8_t, kNameMax + 2> first{};   // entries of length n: first[n] .. first[n + 1]
};

constexpr Lookup kLookup = [] {
  Lookup lookup;
  size_t count = 0;
  for (size_t length = 0; length <= kNameMax; ++length) {
    lookup.first[length] = static_cast<uint8_t>(count);
    for (size_t id = 1; id < kIds; ++id) {
      if (kNames[id].size() != length) continue;
      Lookup::Entry& entry = lookup.entries[count++];
      for (size_t i = 0; i < length; ++i) entry.lower[i] = ascii_lower(kNames[id][i]);
      entry.id = static_cast<FieldId>(id);
    }
  }
  lookup.first[kNameMax + 1] = static_cast<uint8_t>(count);
  return lookup;
}();
static_assert(kLookup.first[kNameMax + 1] == kIds - 1, "a name is longer than kNameMax");

uint64_t load(const char* at) {
  uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

/// Eight bytes of a name against eight of a lower-case one. Every byte of ours has bit 5 set, so
/// setting it in theirs folds the case; what would collide then is a control byte, which has
/// neither bit 5 nor 6.
bool same_word(const char* name, const char* lower) {
  uint64_t word = load(name);
  bool printable = ((word | word << 1) & 0x4040404040404040) == 0x4040404040404040;
  return printable && (word | 0x2020202020202020) == load(lower);
}

bool same_name(std::string_view name, const char* lower) {
  size_t size = name.size();
  if (size < 8) {
    for (size_t i = 0; i < size; ++i) {
      if (ascii_lower(name[i]) != lower[i]) return false;
    }
    return true;
  }
  for (size_t i = 0; i + 8 < size; i += 8) {
    if (!same_word(name.data() + i, lower + i)) return false;
  }
  return same_word(name.data() + size - 8, lower + size - 8);
}

}  // namespace

FieldId field_id(std::string_view name) {
  size_t size = name.size();
  if (size > kNameMax) return FieldId::other;
  for (size_t i = kLookup.first[size]; i < kLookup.first[size + 1]; ++i) {
    const Lookup::Entry& entry = kLookup.entries[i];
    if (entry.lower[0] == (name[0] | 0x20) && same_name(name, entry.lower.data())) return entry.id;
  }
  return FieldId::other;
}

std::string_view field_name(FieldId id) { return kNames[static_cast<size_t>(id)]; }

void Fields::add(FieldId id, std::string_view name, std::string_view value) {
  CHECK(name.size() <= kNameBytesMax);
  if (size_ == capacity_) {
    CHECK(capacity_ < 0x8000);
    auto capacity = static_cast<uint16_t>(capacity_ == 0 ? 16 : capacity_ * 2);
    auto* data = arena_->array<Field>(capacity);
    if (size_ > 0) std::memcpy(static_cast<void*>(data), data_, size_ * sizeof(Field));
    data_ = data;
    capacity_ = capacity;
  }
  data_[size_++] = Field{name.data(), value.data(), narrow<uint32_t>(value.size()),
                         static_cast<uint16_t>(name.size()), id};
  present_ |= bit(id);
}

void Fields::remove(FieldId id) {
  if (has(id)) remove_if([id](const Field& field) { return field.id == id; });
}

void Fields::remove(std::string_view name) {
  FieldId id = field_id(name);
  if (id != FieldId::other) return remove(id);
  if (!has(FieldId::other)) return;
  remove_if([name](const Field& field) {
    return field.id == FieldId::other && equals_ignore_case(field.name(), name);
  });
}

const Field* Fields::find(FieldId id) const {
  if (!has(id)) return nullptr;
  return std::find_if(begin(), end(), [id](const Field& field) { return field.id == id; });
}

const Field* Fields::find(std::string_view name) const {
  FieldId id = field_id(name);
  if (id != FieldId::other) return find(id);
  for (const Field& field : *this) {
    if (field.id == FieldId::other && equals_ignore_case(field.name(), name)) return &field;
  }
  return nullptr;
}

size_t Fields::count(FieldId id) const {
  if (!has(id)) return 0;
  return static_cast<size_t>(
      std::count_if(begin(), end(), [id](const Field& field) { return field.id == id; }));
}

}  // namespace sluice::http

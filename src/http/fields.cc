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

/// The interned names in lower case, and a table without collisions that leads to them: at most one
/// name is ever compared.
struct Lookup {
  static constexpr size_t kSlots = 256;

  /// A slot by the length and three characters, in which every two names differ.
  /// needs: a name of 1..kNameMax bytes
  static constexpr size_t slot(std::string_view name, uint32_t factor) {
    auto folded = [](char c) { return static_cast<uint32_t>(static_cast<unsigned char>(c | 0x20)); };
    size_t size = name.size();
    uint32_t key = folded(name[0]) | folded(name[size * 3 / 4]) << 8 | folded(name[size - 1]) << 16 |
                   static_cast<uint32_t>(size) << 24;
    return key * factor >> 24;
  }

  /// gives: false when two names share a slot
  constexpr bool fill(uint32_t with) {
    factor = with;
    slots.fill(FieldId::other);
    for (size_t id = 1; id < kIds; ++id) {
      FieldId& at = slots[slot(kNames[id], factor)];
      if (at != FieldId::other) return false;
      at = static_cast<FieldId>(id);
    }
    return true;
  }

  uint32_t factor = 0;
  std::array<FieldId, kSlots> slots{};
  std::array<std::array<char, kNameMax>, kIds> lower{};
};

constexpr Lookup kLookup = [] {
  Lookup lookup;
  for (size_t id = 1; id < kIds; ++id) {
    for (size_t i = 0; i < kNames[id].size(); ++i) lookup.lower[id][i] = ascii_lower(kNames[id][i]);
  }
  uint32_t factor = 0x9e3779b1;   // odd, its bits well mixed; 270 steps on it separates all names
  while (!lookup.fill(factor)) factor += 2;
  return lookup;
}();

template <class Word>
Word load(const char* at) {
  Word word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

/// The bytes of a word of a name against those of a lower-case one. Every byte of ours has bit 5 set, so
/// setting it in theirs folds the case; what would collide then is a control byte, which has
/// neither bit 5 nor 6.
template <class Word>
bool same_word(const char* name, const char* lower) {
  constexpr Word kOnes = static_cast<Word>(0x0101010101010101);
  Word word = load<Word>(name);
  bool printable = ((word | word << 1) & kOnes * 0x40) == kOnes * 0x40;
  return printable && (word | kOnes * 0x20) == load<Word>(lower);
}

bool same_name(std::string_view name, const char* lower) {
  size_t size = name.size();
  const char* end = name.data() + size;
  if (size >= 8) {
    for (size_t i = 0; i + 8 < size; i += 8) {
      if (!same_word<uint64_t>(name.data() + i, lower + i)) return false;
    }
    return same_word<uint64_t>(end - 8, lower + size - 8);
  }
  if (size >= 4) {
    return same_word<uint32_t>(name.data(), lower) && same_word<uint32_t>(end - 4, lower + size - 4);
  }
  for (size_t i = 0; i < size; ++i) {
    if (ascii_lower(name[i]) != lower[i]) return false;
  }
  return true;
}

}  // namespace

FieldId field_id(std::string_view name) {
  if (name.empty() || name.size() > kNameMax) return FieldId::other;
  FieldId id = kLookup.slots[Lookup::slot(name, kLookup.factor)];
  auto index = static_cast<size_t>(id);
  bool same = kNames[index].size() == name.size() && same_name(name, kLookup.lower[index].data());
  return same ? id : FieldId::other;
}

std::string_view field_name(FieldId id) { return kNames[static_cast<size_t>(id)]; }

std::string_view lower_field_name(FieldId id) {
  auto index = static_cast<size_t>(id);
  return {kLookup.lower[index].data(), kNames[index].size()};
}

void Fields::grow() {
  CHECK(capacity_ < 0x8000);
  auto capacity = static_cast<uint16_t>(capacity_ == 0 ? 16 : capacity_ * 2);
  auto* data = arena_->array<Field>(capacity);
  if (size_ > 0) std::memcpy(static_cast<void*>(data), data_, size_ * sizeof(Field));
  data_ = data;
  capacity_ = capacity;
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

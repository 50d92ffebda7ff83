#include "policy/ticket/packed_identity.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.h"

namespace sluice::policy {
namespace {

constexpr std::string_view kForm = "4";   // of this version
constexpr std::array<std::string_view, 3> kClaimForms{"", "list", "object"};   // by Claim::Form
constexpr size_t kItemsMax = 4096;        // of one list: above what a token of a header field can hold

int64_t seconds_of(WallTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

class Packer {
 public:
  void add(std::string_view text) { out_.append(std::to_string(text.size())).append(":").append(text); }
  void add_number(uint64_t number) { add(std::to_string(number)); }
  void add_list(std::span<const std::string_view> list) {
    add_number(list.size());
    for (std::string_view item : list) add(item);
  }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

/// After the first fault everything is empty.
class Unpacker {
 public:
  Unpacker(std::string_view text, Arena& arena) : left_(text), arena_(&arena) {}

  std::string_view next() {
    constexpr size_t kDigitsMax = 7;
    size_t colon = left_.substr(0, kDigitsMax + 1).find(':');
    auto size = parse_decimal(left_.substr(0, colon == std::string_view::npos ? 0 : colon));
    if (!size || *size > left_.size() - colon - 1) return fail();
    std::string_view text = left_.substr(colon + 1, *size);
    left_.remove_prefix(colon + 1 + *size);
    return text;
  }
  uint64_t number() {
    auto number = parse_decimal(next());
    if (!number) fail();
    return number.value_or(0);
  }
  size_t count() {
    uint64_t count = number();
    if (count > kItemsMax) fail();
    return good_ ? count : 0;
  }
  std::span<const std::string_view> list() {
    size_t size = count();
    auto* items = arena_->array<std::string_view>(size);
    for (size_t i = 0; i < size; ++i) items[i] = next();
    return {items, size};
  }
  bool good() const { return good_; }
  bool whole() const { return good_ && left_.empty(); }

 private:
  std::string_view fail() {
    good_ = false;
    left_ = {};
    return {};
  }

  std::string_view left_;
  Arena* arena_;
  bool good_ = true;
};

void pack_one(const Identity& identity, Packer& out) {
  for (std::string_view text : {identity.subject, identity.consumer, identity.credential, identity.method,
                                identity.authenticator, identity.handle, identity.token}) {
    out.add(text);
  }
  bool ends = identity.expires != WallTime::max();
  out.add(ends ? std::to_string(std::max<int64_t>(seconds_of(identity.expires), 0)) : "");
  for (auto list : {identity.scopes, identity.roles, identity.groups}) out.add_list(list);
  out.add_number(identity.claims.size());
  for (const Claim& claim : identity.claims) {
    out.add(claim.name);
    out.add(claim.value);
    out.add(kClaimForms[static_cast<size_t>(claim.form)]);
  }
}

/// gives: false when its end is no time, or a claim has no form
bool unpack_one(Unpacker& in, Arena& arena, Identity& identity) {
  constexpr uint64_t kSecondsMax = 253'402'300'799;   // the year 9999
  for (std::string_view* into : {&identity.subject, &identity.consumer, &identity.credential, &identity.method,
                                 &identity.authenticator, &identity.handle, &identity.token}) {
    *into = in.next();
  }
  if (std::string_view expires = in.next(); !expires.empty()) {
    auto seconds = parse_decimal(expires);
    if (!seconds || *seconds > kSecondsMax) return false;
    identity.expires = WallTime(std::chrono::seconds(*seconds));
  }
  for (auto* into : {&identity.scopes, &identity.roles, &identity.groups}) *into = in.list();
  size_t count = in.count();
  auto* claims = arena.array<Claim>(count);
  for (size_t i = 0; i < count; ++i) {
    std::string_view name = in.next(), value = in.next(), form = in.next();
    auto known = std::ranges::find(kClaimForms, form);
    if (known == kClaimForms.end()) return false;
    claims[i] = {name, value, static_cast<Claim::Form>(known - kClaimForms.begin())};
  }
  identity.claims = {claims, count};
  return true;
}

}  // namespace

std::string pack_identity(const Identity& identity) {
  Packer out;
  out.add(kForm);
  size_t count = 0;
  for (const Identity* one = &identity; one != nullptr; one = one->beside) ++count;
  out.add_number(count);
  for (const Identity* one = &identity; one != nullptr; one = one->beside) pack_one(*one, out);
  return out.take();
}

const Identity* unpack_identity(std::string_view text, Arena& arena) {
  Unpacker in(text, arena);
  if (in.next() != kForm) return nullptr;
  const Identity* first = nullptr;
  const Identity** next = &first;
  for (size_t left = in.count(); left > 0; --left) {
    auto* identity = arena.make<Identity>();
    if (!unpack_one(in, arena, *identity) || !in.good()) return nullptr;
    *next = identity;
    next = &identity->beside;
  }
  return in.whole() ? first : nullptr;
}

}  // namespace sluice::policy

#include "policy/limit/limit_key.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "crypto/digest.h"
#include "policy/facts.h"

namespace sluice::policy {

using config::Fact;

namespace {

// Before each text: what it is (one byte) and its length (four).
constexpr size_t kPrefixBytes = 5;
enum class Mark : uint8_t { text = 1, address = 2, address_instead = 3, issuer = 4 };

constexpr size_t kSharedBytes = 20;   // of a digest: 160 bits

void append_hex(std::string& out, char byte) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  out += kDigits[static_cast<unsigned char>(byte) >> 4];
  out += kDigits[byte & 15];
}

void append(std::string& out, std::string_view text) {
  auto size = static_cast<uint32_t>(text.size());
  out.append(reinterpret_cast<const char*>(&size), sizeof(size)).append(text);
}

char* put(char* out, Mark mark, std::string_view text) {
  auto size = static_cast<uint32_t>(text.size());
  *out++ = static_cast<char>(mark);
  std::memcpy(out, &size, sizeof(size));
  out += sizeof(size);
  if (!text.empty()) std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

}  // namespace

struct LimitKeyMaker::Value {
  Mark mark = Mark::text;
  std::string_view issuer;   // of an identity: the same subject of another authenticator is another
  std::string_view text;
  std::array<char, 16> address;

  size_t size() const { return kPrefixBytes + text.size() + (issuer.empty() ? 0 : kPrefixBytes + issuer.size()); }
};

LimitKeyMaker::LimitKeyMaker(Hash128 seed, std::string_view name, std::string_view scope, std::vector<Fact> facts,
                             unsigned ipv6_prefix)
    : name_(name), facts_(std::move(facts)), ipv6_prefix_(ipv6_prefix) {
  append(scope_, name);
  append(scope_, scope);
  append(scope_, describe());
  append(scope_, std::to_string(ipv6_prefix));
  key_ = siphash128(seed, scope_);
}

bool LimitKeyMaker::needs_identity() const {
  return std::any_of(facts_.begin(), facts_.end(), [](const Fact& fact) { return fact.needs_identity(); });
}

std::string LimitKeyMaker::describe() const {
  std::string out;
  for (const Fact& fact : facts_) out += (out.empty() ? "" : " + ") + config::print_fact(fact);
  return out;
}

// The first bits of an IPv6 address, the whole of an IPv4 address; nothing of a unix socket's peer.
void LimitKeyMaker::put_address(const Call& call, Value& value) const {
  const IpAddress& ip = call.client().ip;
  size_t size = ip.is_none() ? 0 : ip.is_v4() ? 4 : 16;
  std::memcpy(value.address.data(), ip.bytes().data(), size);
  if (ip.is_v6()) {
    size_t kept = (ipv6_prefix_ + 7) / 8;
    if (ipv6_prefix_ % 8 != 0) value.address[kept - 1] &= static_cast<char>(0xff << (8 - ipv6_prefix_ % 8));
    std::fill(value.address.begin() + kept, value.address.end(), char{0});
  }
  value.text = {value.address.data(), size};
}

LimitKeyMaker::Value LimitKeyMaker::value_of(const Fact& fact, const Call& call) const {
  Value value;
  if (fact.kind != Fact::Kind::ip) {
    if (std::optional<std::string_view> text = fact_value(fact, call)) {
      value.text = *text;
      bool of_issuer = fact.kind == Fact::Kind::identity || fact.kind == Fact::Kind::claim;
      if (of_issuer) value.issuer = call.identity()->authenticator;
      return value;
    }
  }
  value.mark = fact.kind == Fact::Kind::ip ? Mark::address : Mark::address_instead;
  return value;
}

LimitKey LimitKeyMaker::make(const Call& call) const { return siphash128(key_, bytes_of(call)); }

std::string LimitKeyMaker::shared_name(const Call& call) const {
  std::string digest = sha256_.of(scope_ + std::string(bytes_of(call)));
  std::string out = "sluice:limit:" + name_ + ":";
  for (char c : std::string_view(digest).substr(0, kSharedBytes)) append_hex(out, c);
  return out;
}

// What the facts are for this request, in its arena.
std::string_view LimitKeyMaker::bytes_of(const Call& call) const {
  size_t size = 0;
  // Values are views of the request; an address is written where it goes.
  auto* values = call.arena().array<Value>(facts_.size());
  for (size_t i = 0; i < facts_.size(); ++i) {
    values[i] = value_of(facts_[i], call);
    if (values[i].mark != Mark::text) put_address(call, values[i]);
    size += values[i].size();
  }
  char* bytes = call.arena().text(size);
  char* out = bytes;
  for (size_t i = 0; i < facts_.size(); ++i) {
    if (!values[i].issuer.empty()) out = put(out, Mark::issuer, values[i].issuer);
    out = put(out, values[i].mark, values[i].text);
  }
  return {bytes, size};
}

}  // namespace sluice::policy

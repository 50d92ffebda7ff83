#include "base/ip.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

#include "base/text.h"

namespace sluice {

IpAddress IpAddress::v4(const uint8_t bytes[4]) {
  IpAddress address;
  std::memcpy(address.bytes_.data(), bytes, 4);
  address.family_ = Family::v4;
  return address;
}

IpAddress IpAddress::v6(const uint8_t bytes[16]) {
  static constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::memcmp(bytes, kMapped, 12) == 0) return v4(bytes + 12);
  IpAddress address;
  std::memcpy(address.bytes_.data(), bytes, 16);
  address.family_ = Family::v6;
  return address;
}

namespace {

/// A dotted quad, as inet_pton takes it: four decimal numbers of 0 to 255 without leading zeros.
bool read_v4(std::string_view text, uint8_t bytes[4]) {
  constexpr size_t kLongest = 15;   // no number overflows
  if (text.size() > kLongest) return false;
  const char* at = text.data();
  const char* end = at + text.size();
  for (size_t i = 0; i < 4; ++i) {
    if (i > 0 && (at == end || *at++ != '.')) return false;
    const char* begin = at;
    uint64_t value = 0;
    for (; at != end && is_digit(*at); ++at) value = value * 10 + static_cast<uint64_t>(*at - '0');
    bool leading_zero = at - begin > 1 && *begin == '0';
    if (at == begin || leading_zero || value > 255) return false;
    bytes[i] = static_cast<uint8_t>(value);
  }
  return at == end;
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  uint8_t bytes[16];
  if (read_v4(text, bytes)) return v4(bytes);   // by hand: the Host of many requests
  char buffer[kTextMax];
  if (text.empty() || text.size() >= sizeof(buffer)) return std::nullopt;
  if (text.find('\0') != std::string_view::npos) return std::nullopt;   // would end the C string early
  std::memcpy(buffer, text.data(), text.size());
  buffer[text.size()] = '\0';
  if (inet_pton(AF_INET6, buffer, bytes) == 1) return v6(bytes);
  return std::nullopt;
}

char* IpAddress::write(char* out) const {
  if (is_none()) { *out = '-'; return out + 1; }
  if (is_v4()) {   // by hand: this is on the path of every request
    for (int i = 0; i < 4; ++i) {
      if (i > 0) *out++ = '.';
      out = write_decimal(out, bytes_[static_cast<size_t>(i)]);
    }
    return out;
  }
  inet_ntop(AF_INET6, bytes_.data(), out, kTextMax);
  return out + std::strlen(out);
}

std::string IpAddress::to_string() const {
  char buffer[kTextMax];
  return {buffer, write(buffer)};
}

std::optional<Cidr> Cidr::parse(std::string_view text) {
  size_t slash = text.find('/');
  auto base = IpAddress::parse(text.substr(0, slash));
  if (!base) return std::nullopt;
  unsigned bits = base->is_v4() ? 32 : 128;
  Cidr range;
  range.base_ = *base;
  range.prefix_ = static_cast<uint8_t>(bits);
  if (slash != std::string_view::npos) {
    std::string_view digits = text.substr(slash + 1);
    auto prefix = parse_decimal(digits);
    // A mapped address is stored as IPv4, but its range counts the 96 bits before it.
    uint64_t mapped_bits = base->is_v4() && text.find(':') != std::string_view::npos ? 96 : 0;
    if (!prefix || (digits.size() > 1 && digits[0] == '0')) return std::nullopt;
    if (*prefix < mapped_bits || *prefix > bits + mapped_bits) return std::nullopt;
    range.prefix_ = static_cast<uint8_t>(*prefix - mapped_bits);
  }
  for (unsigned bit = range.prefix_; bit < bits; ++bit) {
    if (base->bytes_[bit / 8] & (0x80u >> (bit % 8))) return std::nullopt;
  }
  return range;
}

bool Cidr::contains(const IpAddress& address) const {
  if (address.is_none() || address.family_ != base_.family_) return false;
  size_t whole = prefix_ / 8;
  if (!std::equal(base_.bytes_.begin(), base_.bytes_.begin() + static_cast<long>(whole), address.bytes_.begin())) return false;
  unsigned rest = prefix_ % 8;
  if (rest == 0) return true;
  uint8_t mask = static_cast<uint8_t>(0xff00u >> rest);
  return ((base_.bytes_[whole] ^ address.bytes_[whole]) & mask) == 0;
}

std::string Cidr::to_string() const { return base_.to_string() + "/" + std::to_string(prefix_); }

bool CidrSet::contains(const IpAddress& address) const {
  return std::any_of(ranges_.begin(), ranges_.end(), [&](const Cidr& range) { return range.contains(address); });
}

}  // namespace sluice

// IP addresses and CIDR ranges as values. Sockets and ports: net/address.h.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// An IPv4 or IPv6 address. IPv4-mapped IPv6 (::ffff:a.b.c.d) is stored as IPv4, so one host has one form.
class IpAddress {
 public:
  IpAddress() = default;   // none: prints "-", in no range
  static IpAddress v4(const uint8_t bytes[4]);
  static IpAddress v6(const uint8_t bytes[16]);
  /// Dotted quad or RFC 4291 text, without brackets, port or zone.
  static std::optional<IpAddress> parse(std::string_view text);

  bool is_none() const { return family_ == Family::none; }
  bool is_v4() const { return family_ == Family::v4; }
  bool is_v6() const { return family_ == Family::v6; }
  const std::array<uint8_t, 16>& bytes() const { return bytes_; }   // v4: the first four

  /// Longest text of an address.
  static constexpr size_t kTextMax = 46;
  /// Writes text at `out` (kTextMax bytes). gives: the end
  char* write(char* out) const;
  std::string to_string() const;
  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  enum class Family : uint8_t { none, v4, v6 };
  std::array<uint8_t, 16> bytes_{};
  Family family_ = Family::none;
  friend class Cidr;
};

/// A range "10.0.0.0/8", "2001:db8::/32", or one address.
class Cidr {
 public:
  /// errors: none when the text is no range, or has bits set beyond its prefix
  static std::optional<Cidr> parse(std::string_view text);
  bool contains(const IpAddress& address) const;
  const IpAddress& base() const { return base_; }
  unsigned prefix() const { return prefix_; }   // bits; of an IPv4-mapped range those of the IPv4 one
  std::string to_string() const;
  friend auto operator<=>(const Cidr&, const Cidr&) = default;

 private:
  IpAddress base_;
  uint8_t prefix_ = 0;
};

/// Some ranges; linear, for the handful that trusted_proxies holds.
class CidrSet {
 public:
  void add(const Cidr& range) { ranges_.push_back(range); }
  bool contains(const IpAddress& address) const;
  bool empty() const { return ranges_.empty(); }
  const std::vector<Cidr>& ranges() const { return ranges_; }

 private:
  std::vector<Cidr> ranges_;
};

}  // namespace sluice

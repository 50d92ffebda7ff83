// Signature-Input and Signature (RFC 9421 section 4): what signatures a request offers. Reads them
// and believes nothing; message_verifier.h judges.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "http/problem.h"
#include "policy/signature/component.h"

namespace sluice::policy {

/// Each that names a known key costs a verification. A client's, and those of proxies on its way.
inline constexpr size_t kSignaturesMax = 4;
inline constexpr size_t kSignatureBytesMax = 2048;   // RSA of 16384 bits, the longest key we take
inline constexpr size_t kNonceBytesMax = 256;

/// Views the request and its arena.
struct OfferedSignature {
  std::string_view label;
  const Member* input = nullptr;   // covered components and parameters
  std::string_view signature;      // decoded
  std::span<const Component> components;
  std::optional<int64_t> created;   // seconds since 1970
  std::optional<int64_t> expires;
  std::optional<std::string_view> nonce;
  std::optional<std::string_view> algorithm;
  std::optional<std::string_view> key_id;
  std::optional<std::string_view> tag;
  /// Why it cannot be good, whoever made it; null: nothing is wrong so far. Others may still be
  /// good.
  const http::Problem* fault = nullptr;
};

/// gives: null with `out` set, empty when the request has neither field; otherwise why none can be
/// read
const http::Problem* read_signatures(const http::Head& head,
                                     std::span<const OfferedSignature>& out);

/// Appends the text that is signed (RFC 9421 section 2.5).
/// gives: false when the message lacks something of it
bool append_signature_base(const OfferedSignature& offered, const SignedMessage& message,
                           std::string& out);

}  // namespace sluice::policy

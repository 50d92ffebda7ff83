// Content-Digest (RFC 9530): digests of the content as it is sent, by the algorithms that are still
// good.
#pragma once

#include <optional>
#include <string_view>

#include "crypto/digest.h"
#include "http/message.h"
#include "http/problem.h"

namespace sluice::policy {

/// The two that we read have 150 bytes together.
inline constexpr size_t kDigestFieldBytesMax = 2048;

/// What a request says its content's digest is.
struct ExpectedDigest {
  crypto::Hash hash = crypto::Hash::sha256;
  std::string_view digest;   // digest_bytes(hash); views the request's arena
};

/// Of several digests the longest counts; what is not known, or broken (MD5, SHA-1), is passed
/// over.
/// gives: null, with `out` empty when the request has no such field; digest_malformed when it
/// cannot be read or has none that is known
const http::Problem* read_content_digest(const http::Head& head,
                                         std::optional<ExpectedDigest>& out);

}  // namespace sluice::policy

// Checks a body against its digest while it streams. The end of it waits until the digest is known,
// so that the upstream never gets a bad request whole.
#pragma once

#include <array>
#include <optional>

#include "policy/policy.h"
#include "policy/signature/content_digest.h"

namespace sluice::policy {

/// The last bytes that wait: a body that is not longer reaches the upstream only when it is good.
inline constexpr size_t kDigestHeldBytes = 16 * 1024;

/// Of one try of one request. Holds blocks and the state of a hash: whoever puts it into an arena
/// closes it when the request is over, however that comes about.
class DigestFilter final : public BodyFilter {
 public:
  /// Copies what is expected. needs: `digest` of its hash
  DigestFilter(const crypto::Digest& digest, const ExpectedDigest& expected);

  /// gives: refuse with digest_mismatch at the end of a body that is another; then `bytes` is empty
  Verdict feed(Chain& bytes, http::End end) override;
  /// Gives back all that it holds; it is not fed after that.
  void close();

 private:
  bool is_good();

  std::array<char, crypto::kDigestBytesMax> expected_{};
  size_t expected_bytes_;
  std::optional<crypto::Hasher> hasher_;
  Chain held_;
};

/// For a request without a body, which no filter sees. needs: `digest` of its hash
bool is_digest_of_nothing(const crypto::Digest& digest, const ExpectedDigest& expected);

}  // namespace sluice::policy

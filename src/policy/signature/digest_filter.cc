#include "policy/signature/digest_filter.h"

#include <algorithm>

#include "policy/signature/signature_problems.h"

namespace sluice::policy {

DigestFilter::DigestFilter(const crypto::Digest& digest, const ExpectedDigest& expected)
    : expected_bytes_(expected.digest.copy(expected_.data(), expected_.size())) {
  CHECK(digest.hash() == expected.hash && expected_bytes_ == digest.bytes());
  hasher_.emplace(digest);
}

Verdict DigestFilter::feed(Chain& bytes, http::End end) {
  CHECK(hasher_.has_value());
  bytes.each([this](const Slice& slice) { hasher_->add(slice.view()); });
  held_.append(std::move(bytes));
  bytes = Chain();
  if (end == http::End::yes) {
    if (!is_good()) {
      held_.clear();
      return Verdict::refuse(kDigestMismatch);
    }
    bytes = std::move(held_);
    return Verdict::pass();
  }
  if (held_.size() > kDigestHeldBytes) bytes = held_.split(held_.size() - kDigestHeldBytes);
  // What waits must not keep the large block that it was read into.
  if (!held_.empty()) held_.compact(held_.front_slice().block->pool());
  return Verdict::pass();
}

bool DigestFilter::is_good() {
  std::array<unsigned char, crypto::kDigestBytesMax> actual;
  hasher_->finish(actual.data());
  return crypto::equal_constant_time({reinterpret_cast<char*>(actual.data()), expected_bytes_},
                                     {expected_.data(), expected_bytes_});
}

void DigestFilter::close() {
  hasher_.reset();
  held_.clear();
}

bool is_digest_of_nothing(const crypto::Digest& digest, const ExpectedDigest& expected) {
  CHECK(digest.hash() == expected.hash);
  return crypto::equal_constant_time(digest.of(""), expected.digest);
}

}  // namespace sluice::policy

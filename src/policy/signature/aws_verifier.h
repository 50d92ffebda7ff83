// Judges requests that are signed by AWS's Signature Version 4, with secrets of our own consumers.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "crypto/digest.h"
#include "crypto/hmac.h"
#include "crypto/secret.h"
#include "policy/auth/key_table.h"
#include "policy/signature/aws_signature.h"
#include "policy/signature/shared_nonces.h"

namespace sluice::policy {

/// Who signs with an access key, and what that grants.
struct AwsSigner {
  std::string access_key;
  std::string consumer;
  crypto::Secret secret{};
  Grants grants{};
  WallTime expires = WallTime::max();
};

/// By their access keys; const once it is filled.
class AwsSigners {
 public:
  /// gives: false when there is one with that access key, or the secret is empty
  bool add(AwsSigner signer);
  /// gives: null when there is none
  const AwsSigner* find(std::string_view access_key) const;
  size_t size() const { return all_.size(); }

 private:
  struct Hash {   // looked up by views
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  std::unordered_map<std::string, AwsSigner, Hash, std::equal_to<>> all_;
};

/// The keys derived for a day, region and service: four HMACs each time otherwise. One worker's.
class AwsDerivedKeys {
 public:
  static constexpr size_t kKeysMax = 1024;   // about 1 KiB each

  /// cost: a look-up; when it is not there the derivation, and all others go when there are too
  /// many
  const crypto::HmacKey& of(const AwsSigner& signer, const AwsSignature& signature);
  size_t size() const { return keys_.size(); }
  /// The secrets are others now.
  void clear() { keys_.clear(); }

 private:
  std::unordered_map<std::string, crypto::HmacKey> keys_;
};

struct AwsRules {
  std::string region;    // empty: any
  std::string service;   // empty: any
  std::chrono::seconds max_skew{300};
  /// The body of a request in whose signature it does not count: what presigned URLs have.
  enum class Unsigned : uint8_t { refused, allowed };
  Unsigned payload = Unsigned::refused;
  Unsigned presigned_payload = Unsigned::allowed;
};

struct VerifiedAwsSignature {
  const AwsSigner* signer = nullptr;
  /// SHA-256 that the body must have; empty: it is not signed. 32 bytes.
  std::string payload_digest;
  ReplayId replay_id{};
  WallTime replayable_until;
  bool may_repeat = false;   // a presigned URL: made to be used again until it expires
};

class AwsVerifier {
 public:
  /// needs: `signers` to outlive it
  AwsVerifier(AwsRules rules, const AwsSigners& signers);

  /// gives: null with `out` set; otherwise why not. needs: `signature.is_there`
  const http::Problem* verify(const AwsSignature& signature, const SignedMessage& message,
                              WallTime now, AwsDerivedKeys& keys, VerifiedAwsSignature& out) const;

 private:
  const http::Problem* check_time(const AwsSignature& signature, WallTime now,
                                  VerifiedAwsSignature& out) const;
  const http::Problem* check_payload(AwsSignature& signature, const http::Head& head,
                                     VerifiedAwsSignature& out) const;

  AwsRules rules_;
  const AwsSigners* signers_;
  crypto::Digest sha256_;
};

}  // namespace sluice::policy

// Judges the signatures of requests by RFC 9421. Const and every thread's; whether a signature was
// used before is shared_nonces.h's to know, whether the content fits its digest digest_filter.h's.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/clock.h"
#include "crypto/digest.h"
#include "policy/signature/offered_signature.h"
#include "policy/signature/shared_nonces.h"
#include "policy/signature/signing_key.h"

namespace sluice::policy {

/// One component that a signature must cover.
class RequiredComponent {
 public:
  /// As in a Signature-Input, where quotes may be left out if there are no parameters: "@method",
  /// "content-digest", "\"@query-param\";name=\"id\"".
  /// errors: bad_value when no request has such a component
  static Result<RequiredComponent> parse(std::string_view text);
  /// Does a signature over `covered` protect it? A field without parameters is protected in any
  /// form, the parts of the target by the whole too.
  bool protected_by(const Component& covered) const;

 private:
  std::string name_;
  bool strict_ = false;
  bool as_bytes_ = false;
  std::optional<std::string> key_;
  std::optional<std::string> query_name_;
};

struct SignatureRules {
  /// What every signature must cover.
  std::vector<RequiredComponent> components;
  std::chrono::seconds max_skew{300};   // of `created`, either way
  bool nonce_required = false;
  bool digest_required = false;   // a request with a body must cover its Content-Digest
  std::string tag;   // signatures with another are passed over; empty: all count
};


struct VerifiedSignature {
  const RequestSigner* signer = nullptr;
  const OfferedSignature* offered = nullptr;
  bool covers_digest = false;   // the whole Content-Digest
  /// Of key and nonce, or of all that is signed where there is no nonce: not of the signature, of
  /// which some algorithms have several.
  ReplayId replay_id{};
  WallTime replayable_until;   // no longer acceptable then: need not be remembered
};

class MessageVerifier {
 public:
  /// needs: `signers` to outlive it
  MessageVerifier(SignatureRules rules, const RequestSigners& signers);

  /// The first signature that is good counts.
  /// gives: null with `out` set; otherwise why none is. needs: `offered` of read_signatures, not
  /// empty
  const http::Problem* verify(std::span<const OfferedSignature> offered,
                              const SignedMessage& message, WallTime now,
                              VerifiedSignature& out) const;

 private:
  const http::Problem* verify_one(const OfferedSignature& offered, const SignedMessage& message,
                                  WallTime now, VerifiedSignature& out) const;
  const http::Problem* check_time(const OfferedSignature& offered, WallTime now) const;
  bool covers_all(const OfferedSignature& offered) const;
  bool covers_digest(const OfferedSignature& offered) const;
  ReplayId replay_id(const OfferedSignature& offered, std::string_view base) const;

  SignatureRules rules_;
  RequiredComponent content_digest_;
  const RequestSigners* signers_;
  crypto::Digest sha256_;
};

}  // namespace sluice::policy

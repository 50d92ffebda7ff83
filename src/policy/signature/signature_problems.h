// Why a signed request is not accepted. The codes tell its sender what to mend, and a stranger
// nothing about keys.
#pragma once

#include "http/problem.h"

namespace sluice::policy {

inline constexpr http::Problem kSignatureMalformed{
    401, "signature_malformed", "Malformed Signature",
    "The request's signature, or what says how it was made, cannot be read."};
inline constexpr http::Problem kSignatureKeyUnknown{
    401, "signature_key_unknown", "Signing Key Unknown",
    "The request is signed with a key that is not known here."};
inline constexpr http::Problem kSignatureKeyExpired{
    401, "signature_key_expired", "Signing Key Expired", "The key of the signature has expired."};
inline constexpr http::Problem kSignatureAlgorithm{
    401, "signature_algorithm", "Signature Algorithm Not Accepted",
    "The signature names an algorithm that is not the one of its key."};
inline constexpr http::Problem kSignatureComponents{
    401, "signature_components", "Signature Covers Too Little",
    "The signature does not cover all that it must here, or covers what the request does not "
    "have."};
inline constexpr http::Problem kSignatureExpired{
    401, "signature_expired", "Signature Expired",
    "The signature was made too long ago or has expired: sign the request anew."};
inline constexpr http::Problem kSignatureNotYetValid{
    401, "signature_not_yet_valid", "Signature Not Yet Valid",
    "The signature says that it was made in the future: the clock of its maker may be wrong."};
inline constexpr http::Problem kSignatureInvalid{
    401, "signature_invalid", "Signature Invalid",
    "The signature is not one of this request by this key."};
inline constexpr http::Problem kSignatureReplayed{
    401, "signature_replayed", "Signature Used Before",
    "A request with this signature or nonce came before: sign each request anew."};
inline constexpr http::Problem kSignatureTableFull{
    503, "signature_table_full", "Too Many Signed Requests",
    "More signed requests came than the gateway remembers, so it cannot tell whether this one is "
    "new: try again later."};
inline constexpr http::Problem kSignatureStoreUnavailable{
    503, "signature_store_unavailable", "Service Unavailable",
    "The gateway cannot tell at present whether this signed request is new. Sign it anew and try again shortly."};
inline constexpr http::Problem kSignatureTarget{
    400, "signature_target", "Target Not in Normal Form",
    "The path of a signed request must be in its normal form: no dot segments, nothing "
    "percent-encoded without need, hex digits in capitals."};
inline constexpr http::Problem kDigestMalformed{
    400, "digest_malformed", "Malformed Digest",
    "The digest of the content cannot be read, or is of no kind that the gateway knows."};
inline constexpr http::Problem kDigestMismatch{
    400, "digest_mismatch", "Digest Mismatch",
    "The content of the request is not the one that its digest is of."};

inline constexpr const http::Problem* kSignatureProblems[] = {
    &kSignatureMalformed,  &kSignatureKeyUnknown, &kSignatureKeyExpired,  &kSignatureAlgorithm,
    &kSignatureComponents, &kSignatureExpired,    &kSignatureNotYetValid, &kSignatureInvalid,
    &kSignatureReplayed,   &kSignatureTableFull,  &kSignatureTarget,      &kDigestMalformed,
    &kDigestMismatch,      &kSignatureStoreUnavailable};

}  // namespace sluice::policy

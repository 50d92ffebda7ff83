// Why a token is not accepted. The codes tell the owner of a token what to mend; none of them tells
// a stranger anything about keys.
#pragma once

#include "http/problem.h"

namespace sluice::policy {

inline constexpr http::Problem kTokenMalformed{
    401, "token_malformed", "Malformed Token",
    "The bearer token is no signed JSON Web Token in compact form that the gateway reads."};
inline constexpr http::Problem kTokenTooLarge{
    401, "token_too_large", "Token Too Large",
    "The bearer token is longer than the gateway reads."};
inline constexpr http::Problem kTokenAlgorithm{
    401, "token_algorithm", "Token Algorithm Not Accepted",
    "The token is signed with an algorithm that is not accepted here."};
inline constexpr http::Problem kTokenKeyUnknown{
    401, "token_key_unknown", "Token Key Unknown",
    "The token is signed with a key that its issuer does not publish."};
inline constexpr http::Problem kTokenSignature{
    401, "token_signature", "Token Signature Invalid",
    "The signature of the token is not valid."};
inline constexpr http::Problem kTokenType{
    401, "token_type", "Token Type Not Accepted",
    "The token is of a type that is not accepted here."};
inline constexpr http::Problem kTokenIssuer{
    401, "token_issuer", "Token Issuer Not Accepted",
    "The token was issued by someone who is not accepted here."};
inline constexpr http::Problem kTokenAudience{
    401, "token_audience", "Token Audience Not Accepted",
    "The token was issued for another audience."};
inline constexpr http::Problem kTokenExpired{
    401, "token_expired", "Token Expired", "The token has expired: get a new one."};
inline constexpr http::Problem kTokenNotYetValid{
    401, "token_not_yet_valid", "Token Not Yet Valid",
    "The token is not valid yet, or claims to be issued in the future."};
inline constexpr http::Problem kTokenClaims{
    401, "token_claims", "Token Claims Not Accepted",
    "The token lacks a claim that is required here, or has one with a value that is not accepted."};
inline constexpr http::Problem kTokenRevoked{
    401, "token_revoked", "Token Revoked", "The token has been revoked."};
inline constexpr http::Problem kTokenKeysUnavailable{
    503, "token_keys_unavailable", "Token Keys Unavailable",
    "The keys that verify this token cannot be had at the moment: try again later."};

inline constexpr http::Problem kTokenInactive{
    401, "token_inactive", "Token Inactive",
    "The token is not active: it has ended, was revoked, or is not of the issuer that is asked."};
inline constexpr http::Problem kIntrospectionUnavailable{
    503, "introspection_unavailable", "Introspection Unavailable",
    "The issuer of this token cannot be asked about it at the moment: try again later."};

inline constexpr const http::Problem* kJwtProblems[] = {
    &kTokenMalformed, &kTokenTooLarge,    &kTokenAlgorithm, &kTokenKeyUnknown, &kTokenSignature,
    &kTokenType,      &kTokenIssuer,      &kTokenAudience,  &kTokenExpired,    &kTokenNotYetValid,
    &kTokenClaims,    &kTokenRevoked,     &kTokenKeysUnavailable, &kTokenInactive, &kIntrospectionUnavailable};

}  // namespace sluice::policy

// What a client is told whose credentials are missing or not good.
#pragma once

#include "http/problem.h"

namespace sluice::policy {

inline constexpr http::Problem kCredentialsMissing{
    401, "credentials_missing", "Unauthorized",
    "This resource needs credentials, and the request has none of a kind that is accepted here."};
inline constexpr http::Problem kCredentialsAmbiguous{
    401, "credentials_ambiguous", "Unauthorized", "The request has more than one credential of one kind."};
inline constexpr http::Problem kApiKeyUnknown{401, "api_key_unknown", "Unauthorized", "The API key is not known here."};
inline constexpr http::Problem kApiKeyExpired{401, "api_key_expired", "Unauthorized", "The API key has expired."};
inline constexpr http::Problem kCertificateUnknown{
    403, "certificate_unknown", "Forbidden", "The client certificate is valid, and belongs to nobody who is known here."};
inline constexpr http::Problem kCertificateExpired{401, "certificate_expired", "Unauthorized",
                                                   "The client certificate has expired since the connection was made."};
inline constexpr http::Problem kCertificateRevoked{401, "certificate_revoked", "Unauthorized",
                                                   "The client certificate has been revoked since the connection was made."};
inline constexpr http::Problem kCredentialAddress{403, "credential_address", "Forbidden",
                                                  "The credential must not be used from this address."};

inline constexpr http::Problem kPasswordRefused{401, "password_refused", "Unauthorized",
                                                "The user name or the password is not right."};
inline constexpr http::Problem kPasswordsBusy{
    503, "passwords_busy", "Service Unavailable",
    "More passwords are to be checked than can be at the moment: try again later."};

inline constexpr http::Problem kCredentialStoreUnavailable{
    503, "credential_store_unavailable", "Service Unavailable",
    "Whether the credential is good cannot be found out at the moment: try again later."};

inline constexpr const http::Problem* kAuthProblems[] = {
    &kCredentialsMissing, &kCredentialsAmbiguous, &kApiKeyUnknown, &kApiKeyExpired, &kCertificateUnknown,
    &kCertificateExpired, &kCertificateRevoked, &kCredentialAddress, &kPasswordRefused, &kPasswordsBusy,
    &kCredentialStoreUnavailable,
};

}  // namespace sluice::policy

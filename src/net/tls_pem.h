// From the text of PEM files to what OpenSSL works with. Knows no files: net/tls_files.h reads them.
#pragma once

#include <openssl/ssl.h>

#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "crypto/client_certificate.h"
#include "crypto/revoked_certificates.h"
#include "net/tls_files.h"

namespace sluice::net {

/// A PEM certificate, leaf first and its chain behind it, and its key; the key is not encrypted.
struct CertificateFiles {
  std::string certificate;
  std::string key;
};

/// When a certificate or a revocation list ends.
struct TlsExpiry {
  std::string file;
  std::time_t at = 0;
};

template <auto Free>
struct OpensslDeleter {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using SslContextPtr = std::unique_ptr<SSL_CTX, OpensslDeleter<&SSL_CTX_free>>;
using StorePtr = std::unique_ptr<X509_STORE, OpensslDeleter<&X509_STORE_free>>;

/// Gives `context` the pair. Longer chains than kChainMax are refused.
/// errors: no PEM, an encrypted key, a key that does not fit its certificate
Result<void, TlsFault> use_pair(SSL_CTX* context, const TlsFiles& files,
                                const CertificateFiles& pair);
inline constexpr int kChainMax = 10;   // what the internet uses has at most four

/// Who may have signed the other side's certificate.
struct Authorities {
  StorePtr store;
  std::vector<TlsExpiry> expiries;
};

/// Every certificate of `ca` is trusted by itself, as in Go and Envoy: a file with only an
/// intermediate one works.
/// errors: no PEM, no certificate
Result<Authorities, TlsFault> read_authorities(const TlsFiles& files, const std::string& ca);
/// Revocation lists: each certificate of a chain needs one from now on. `table`: of [tls.NAME]
/// gives: whom they name; signatures of lists are verified in handshakes alone        errors: no PEM, no list
Result<crypto::RevokedCertificates, TlsFault> add_lists(Authorities& to, const TlsFiles& files, const std::string& crl,
                                                        std::string_view table);
/// Asks clients for certificates of these (the names of their subjects).
Result<void, TlsFault> name_authorities(SSL_CTX* context, const TlsFiles& files,
                                        const std::string& ca);

/// gives: when the certificate ends; 0 when it cannot be said
std::time_t expiry_of(const X509* certificate);

/// What a verified certificate says; `ids`: of its chain.
std::unique_ptr<const crypto::ClientCertificate> describe_certificate(X509* certificate, std::string ids);
/// gives: crypto::ClientCertificate::ids of a chain that was shown to [tls.NAME] of that name
std::string ids_of_chain(const STACK_OF(X509)* chain, std::string_view table);

/// OpenSSL's (or the system's) words for the first error in this thread's queue; empties the queue.
/// gives: static text
const char* tls_reason();

}  // namespace sluice::net

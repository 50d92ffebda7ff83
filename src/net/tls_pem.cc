#include "net/tls_pem.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/check.h"
#include "base/text.h"

namespace sluice::net {
namespace {

using BioPtr = std::unique_ptr<BIO, OpensslDeleter<&BIO_free>>;
using CertificatePtr = std::unique_ptr<X509, OpensslDeleter<&X509_free>>;
using ListPtr = std::unique_ptr<X509_CRL, OpensslDeleter<&X509_CRL_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, OpensslDeleter<&EVP_PKEY_free>>;

/// A protected key must be an error, not a question on the terminal.
int no_password(char*, int, int, void*) { return -1; }

/// What OpenSSL means by an error about a file; empty: its own words must do.
std::string_view meaning_of(unsigned long code) {
  int library = ERR_GET_LIB(code), reason = ERR_GET_REASON(code);
  if (library == ERR_LIB_SSL) {
    if (reason == SSL_R_EE_KEY_TOO_SMALL) return "its key is too small: RSA needs 2048 bits";
    if (reason == SSL_R_CA_KEY_TOO_SMALL) return "the key of an authority in it is too small: RSA needs 2048 bits";
    if (reason == SSL_R_CA_MD_TOO_WEAK) return "it is signed with a hash that is too weak: SHA-256 is enough";
  }
  if (library == ERR_LIB_X509 && reason == X509_R_KEY_VALUES_MISMATCH) return "the key belongs to another certificate";
  if (library == ERR_LIB_PEM && reason == PEM_R_NO_START_LINE) return "nothing of that kind in PEM";
  if (library == ERR_LIB_PEM || library == ERR_LIB_ASN1) return "its PEM is broken";
  return {};
}

TlsFault fault(std::string file) {
  std::string_view meaning = meaning_of(ERR_peek_error());
  std::string words = tls_reason();
  if (meaning.empty()) return {std::move(file), std::move(words)};
  return {std::move(file), std::string(meaning) + " (" + words + ")"};
}

BioPtr open_text(std::string_view text) {
  static_assert(TlsFiles::kFileBytesMax < std::numeric_limits<int>::max());
  ERR_clear_error();
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

CertificatePtr next_certificate(BIO* bio) {
  return CertificatePtr(PEM_read_bio_X509(bio, nullptr, &no_password, nullptr));
}

/// The last read failed: because nothing was left, or because what is there is broken?
bool at_end() {
  unsigned long code = ERR_peek_last_error();
  bool end = ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
  if (end) ERR_clear_error();
  return end;
}

std::time_t time_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return 0;
  return timegm(&parts);
}

std::string text_of(const X509_NAME* name) {
  BioPtr bio(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253);
  char* text = nullptr;
  long size = BIO_get_mem_data(bio.get(), &text);
  return size > 0 ? std::string(text, static_cast<size_t>(size)) : std::string();
}

/// What the ids of an issuer's certificates begin with. Its name as text: a list may have it in another encoding.
std::string issuer_of_ids(std::string_view table, const X509_NAME* issuer) {
  std::string name = text_of(issuer);   // its control bytes are escaped
  std::ranges::transform(name, name.begin(), ascii_lower);
  return std::string(table) + '\0' + name + '\0';
}

crypto::CertificateId id_of(std::string issuer, const ASN1_INTEGER* serial) {
  issuer += ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER ? '-' : '+';
  auto size = static_cast<size_t>(ASN1_STRING_length(serial));
  issuer.append(reinterpret_cast<const char*>(ASN1_STRING_get0_data(serial)), size);
  unsigned char digest[EVP_MAX_MD_SIZE];
  CHECK(EVP_Digest(issuer.data(), issuer.size(), digest, nullptr, EVP_sha256(), nullptr) == 1);
  crypto::CertificateId id;
  std::memcpy(id.data(), digest, id.size());
  return id;
}

/// OpenSSL passes over these in a handshake: deltas, lists for other issuers too, or for some reasons alone.
bool counts(const X509_CRL* list) {
  if (X509_CRL_get_ext_by_NID(list, NID_delta_crl, -1) >= 0) return false;
  auto* scope = static_cast<ISSUING_DIST_POINT*>(
      X509_CRL_get_ext_d2i(list, NID_issuing_distribution_point, nullptr, nullptr));
  bool whole = scope == nullptr || (scope->indirectCRL <= 0 && scope->onlysomereasons == nullptr);
  ISSUING_DIST_POINT_free(scope);
  return whole;
}

void add_revoked(std::vector<crypto::CertificateId>& to, std::string_view table, X509_CRL* list) {
  if (!counts(list)) return;
  std::string issuer = issuer_of_ids(table, X509_CRL_get_issuer(list));
  const auto* entries = X509_CRL_get_REVOKED(list);
  to.reserve(to.size() + static_cast<size_t>(std::max(0, sk_X509_REVOKED_num(entries))));
  for (int i = 0; i < sk_X509_REVOKED_num(entries); ++i)
    to.push_back(id_of(issuer, X509_REVOKED_get0_serialNumber(sk_X509_REVOKED_value(entries, i))));
}

std::string subject_of(X509* certificate) {
  std::string text = text_of(X509_get_subject_name(certificate));
  return text.size() <= crypto::ClientCertificate::kTextBytesMax ? text : std::string();
}

void add_name(std::vector<std::string>& names, const ASN1_IA5STRING* text) {
  auto size = static_cast<size_t>(ASN1_STRING_length(text));
  if (names.size() == crypto::ClientCertificate::kNamesMax || size > crypto::ClientCertificate::kTextBytesMax) return;
  std::string name(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)), size);
  // A control byte is no part of any name, and would be one of somebody's log line or header.
  bool plain = std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (plain) names.push_back(std::move(name));
}

// OpenSSL takes others as well, and then finds no signature algorithm that a client offers (RFC 8446 section 4.2.3).
bool has_usual_curve(const X509* certificate) {
  const EVP_PKEY* key = X509_get0_pubkey(certificate);
  if (key == nullptr || EVP_PKEY_get_base_id(key) != EVP_PKEY_EC) return true;
  char curve[32];
  size_t size = 0;
  if (EVP_PKEY_get_group_name(key, curve, sizeof(curve), &size) != 1) return false;
  std::string_view name(curve, size);
  return name == SN_X9_62_prime256v1 || name == SN_secp384r1 || name == SN_secp521r1;
}

}  // namespace

std::string ids_of_chain(const STACK_OF(X509)* chain, std::string_view table) {
  std::string ids;
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    const X509* one = sk_X509_value(chain, i);
    ids += crypto::view_of(id_of(issuer_of_ids(table, X509_get_issuer_name(one)), X509_get0_serialNumber(one)));
  }
  return ids;
}

std::unique_ptr<const crypto::ClientCertificate> describe_certificate(X509* certificate, std::string ids) {
  auto out = std::make_unique<crypto::ClientCertificate>();
  out->subject = subject_of(certificate);
  out->expires = WallTime(std::chrono::seconds(expiry_of(certificate)));
  out->ids = std::move(ids);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (X509_digest(certificate, EVP_sha256(), digest, &size) == 1) {
    for (unsigned i = 0; i < size; ++i) {
      constexpr char kDigits[] = "0123456789abcdef";
      out->sha256 += kDigits[digest[i] >> 4];
      out->sha256 += kDigits[digest[i] & 15];
    }
  }
  auto* names = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    if (name->type == GEN_DNS) add_name(out->dns_names, name->d.dNSName);
    if (name->type == GEN_URI) add_name(out->uris, name->d.uniformResourceIdentifier);
    if (name->type == GEN_EMAIL) add_name(out->emails, name->d.rfc822Name);
  }
  GENERAL_NAMES_free(names);
  for (std::string& name : out->dns_names) std::ranges::transform(name, name.begin(), ascii_lower);
  ERR_clear_error();
  return out;
}

const char* tls_reason() {
  unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "unknown error";
  const char* reason = ERR_SYSTEM_ERROR(code)
                           ? strerrordesc_np(static_cast<int>(code & ERR_SYSTEM_MASK))
                           : ERR_reason_error_string(code);
  return reason ? reason : "unknown error";
}

std::time_t expiry_of(const X509* certificate) {
  return time_of(X509_get0_notAfter(certificate));
}

Result<void, TlsFault> use_pair(SSL_CTX* context, const TlsFiles& files,
                                const CertificateFiles& pair) {
  BioPtr bio = open_text(files.text(pair.certificate));
  CertificatePtr leaf(PEM_read_bio_X509_AUX(bio.get(), nullptr, &no_password, nullptr));
  if (!leaf || SSL_CTX_use_certificate(context, leaf.get()) != 1) return fault(pair.certificate);
  if (!has_usual_curve(leaf.get())) return TlsFault{pair.certificate, "clients take keys on P-256, P-384 and P-521 only"};
  int count = 0;
  while (CertificatePtr next = next_certificate(bio.get())) {
    if (++count > kChainMax) return TlsFault{pair.certificate, "a chain of more than 10"};
    if (SSL_CTX_add1_chain_cert(context, next.get()) != 1) return fault(pair.certificate);
  }
  if (!at_end()) return fault(pair.certificate);
  BioPtr key_bio = open_text(files.text(pair.key));
  KeyPtr key(PEM_read_bio_PrivateKey(key_bio.get(), nullptr, &no_password, nullptr));
  // A key that does not fit is refused here too ("key values mismatch").
  if (!key || SSL_CTX_use_PrivateKey(context, key.get()) != 1 ||
      SSL_CTX_check_private_key(context) != 1) {
    return fault(pair.key);
  }
  return {};
}

Result<Authorities, TlsFault> read_authorities(const TlsFiles& files, const std::string& ca) {
  Authorities out;
  out.store.reset(X509_STORE_new());
  BioPtr bio = open_text(files.text(ca));
  std::time_t ends = 0;
  while (CertificatePtr one = next_certificate(bio.get())) {
    if (X509_STORE_add_cert(out.store.get(), one.get()) != 1) return fault(ca);
    std::time_t end = expiry_of(one.get());
    ends = ends == 0 ? end : std::min(ends, end);
  }
  if (!at_end()) return fault(ca);
  if (ends == 0) return TlsFault{ca, "holds no certificate in PEM"};
  out.expiries.push_back({ca, ends});
  X509_STORE_set_flags(out.store.get(), X509_V_FLAG_PARTIAL_CHAIN);
  return out;
}

Result<crypto::RevokedCertificates, TlsFault> add_lists(Authorities& to, const TlsFiles& files, const std::string& crl,
                                                        std::string_view table) {
  BioPtr bio = open_text(files.text(crl));
  std::time_t ends = 0;
  size_t count = 0;
  std::vector<crypto::CertificateId> revoked;
  while (ListPtr list{PEM_read_bio_X509_CRL(bio.get(), nullptr, &no_password, nullptr)}) {
    if (X509_STORE_add_crl(to.store.get(), list.get()) != 1) return fault(crl);
    add_revoked(revoked, table, list.get());
    std::time_t next = time_of(X509_CRL_get0_nextUpdate(list.get()));
    if (next != 0) ends = ends == 0 ? next : std::min(ends, next);
    ++count;
  }
  if (!at_end()) return fault(crl);
  if (count == 0) return TlsFault{crl, "holds no revocation list in PEM"};
  to.expiries.push_back({crl, ends});
  X509_STORE_set_flags(to.store.get(), X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
  return crypto::RevokedCertificates(std::move(revoked));
}

Result<void, TlsFault> name_authorities(SSL_CTX* context, const TlsFiles& files,
                                        const std::string& ca) {
  BioPtr bio = open_text(files.text(ca));
  while (CertificatePtr one = next_certificate(bio.get())) {
    if (SSL_CTX_add_client_CA(context, one.get()) != 1) return fault(ca);
  }
  ERR_clear_error();
  return {};
}

}  // namespace sluice::net

// TLS on disk: certificates, keys, authorities and revocation lists are there, readable, in date, fit together, and are
// what TLS takes of them.
#include "base/text.h"
#include "crypto/certificate.h"
#include "snapshot/config_check.h"
#include "snapshot/tls_options.h"

namespace sluice::snapshot {

using config::Document;
using config::IssueKind;
using config::quoted;
using config::quoted_path;
using config::Severity;

namespace {

constexpr IssueKind kCertificateUnreadable{"certificate_unreadable"};
constexpr IssueKind kCertificateInvalid{"certificate_invalid"};
constexpr IssueKind kKeyUnreadable{"key_unreadable"};
constexpr IssueKind kKeyDenied{"key_denied", Severity::unchecked};
constexpr IssueKind kKeyInvalid{"key_invalid"};
constexpr IssueKind kPairMismatch{"key_mismatch"};
constexpr IssueKind kCertificateExpired{"certificate_expired", Severity::warning};
constexpr IssueKind kCertificateEarly{"certificate_not_yet_valid", Severity::warning};
constexpr IssueKind kChainStray{"certificate_chain", Severity::warning};
constexpr IssueKind kAuthorityUnreadable{"authority_unreadable"};
constexpr IssueKind kAuthorityInvalid{"authority_invalid"};
constexpr IssueKind kRevocationUnreadable{"revocation_list_unreadable"};
constexpr IssueKind kRevocationInvalid{"revocation_list_invalid"};
constexpr IssueKind kTlsRefused{"tls_refused"};

/// A certificate and its key, of a listener or for an upstream.
struct Pair {
  const config::FilePath& cert;
  const config::FilePath& key;
};

void report_mismatch(const Pair& pair, const crypto::PairReport& found, config::Issues& issues) {
  std::string cert = quoted(pair.cert.path);
  config::Issue& issue = issues.add(kPairMismatch, pair.key.at, "key " + quoted(pair.key.path) + " does not belong to certificate " + cert);
  if (found.fits == 0) return;
  issue.note = "it belongs to certificate " + std::to_string(found.fits) + " of that file: the server's own stands first, then each one's issuer";
}

void report(const Pair& pair, const crypto::PairReport& found, Document& document) {
  using State = crypto::PairReport::State;
  config::Issues& issues = document.issues;
  std::string cert = quoted_path(pair.cert.path), key = quoted_path(pair.key.path);
  switch (found.state) {
    case State::good:
      break;
    case State::certificate_unreadable:
      issues.add(kCertificateUnreadable, pair.cert.at,
                 "cannot read certificate " + cert + ": " + found.detail);
      return;
    case State::certificate_invalid:
      issues.add(kCertificateInvalid, pair.cert.at, cert + " holds no certificate in PEM");
      return;
    case State::key_unreadable:
      issues.add(kKeyUnreadable, pair.key.at, "cannot read key " + key + ": " + found.detail);
      return;
    case State::key_denied:
      issues.add(kKeyDenied, pair.key.at, "key " + key + ": " + found.detail).note =
          "check as the service's own user, with --as-service";
      return;
    case State::key_invalid:
      issues.add(kKeyInvalid, pair.key.at,
                 key + " holds no private key in PEM, or one with a passphrase");
      return;
    case State::mismatch:
      report_mismatch(pair, found, issues);
      return;
  }
  if (found.stray > 0) {
    issues.add(kChainStray, pair.cert.at, "certificate " + std::to_string(found.stray) + " of " + cert +
                                              " did not issue the one before it").note =
        "the server's own stands first, then each one's issuer; whoever has no other way to the root refuses it";
  }
  if (found.expired)
    issues.add(kCertificateExpired, pair.cert.at,
               "certificate " + cert + " expired on " + found.not_after);
  if (found.not_yet_valid) {
    issues.add(kCertificateEarly, pair.cert.at,
               "certificate " + cert + " is valid from " + found.not_before);
  }
}

void check_pair(const Pair& pair, Document& document, std::time_t now) {
  if (pair.cert.empty() || pair.key.empty()) return;
  report(pair, crypto::check_pair(pair.cert.path, pair.key.path, now), document);
}

/// A file in PEM that must hold at least one of something.
struct PemContents {
  int (*count)(const std::string& path, std::string& why);
  IssueKind unreadable;
  IssueKind invalid;
  const char* noun;
};
constexpr PemContents kAuthorities{&crypto::count_certificates, kAuthorityUnreadable, kAuthorityInvalid,
                                   "certificate"};
constexpr PemContents kRevocations{&crypto::count_revocation_lists, kRevocationUnreadable, kRevocationInvalid,
                                   "revocation list"};

void check_pem(const config::FilePath& file, const PemContents& wanted, Document& document) {
  std::string why;
  int count = wanted.count(file.path, why);
  if (count < 0) {
    document.issues.add(wanted.unreadable, file.at, "cannot read " + quoted_path(file.path) + ": " + why);
  } else if (count == 0) {
    document.issues.add(wanted.invalid, file.at, quoted_path(file.path) + " holds no " + wanted.noun + " in PEM");
  }
}

size_t faults(const Document& document) {
  return document.issues.count(Severity::error) + document.issues.count(Severity::unchecked);
}

/// Whether TLS takes the files. needs: each of them alone is good
template <class Context, class Options>
void check_context(const Options& options, const std::vector<const config::FilePath*>& files, Document& document) {
  auto made = Context::load(options);
  if (made) return;
  config::Position at;
  for (const config::FilePath* file : files) {
    if (file->path == made.error().file) at = file->at;
  }
  document.issues.add(kTlsRefused, at, quoted_path(made.error().file) + " is not taken for TLS: " + made.error().reason);
}

void check_server(const config::Section<TlsConfig>& section, Document& document, std::time_t now) {
  size_t before = faults(document);
  std::vector<const config::FilePath*> files;
  for (const CertificateConfig& pair : section.value.certificates) {
    check_pair({pair.cert, pair.key}, document, now);
    files.insert(files.end(), {&pair.cert, &pair.key});
  }
  if (const auto& clients = section.value.client_cert) {
    if (!clients->ca.empty()) check_pem(clients->ca, kAuthorities, document);
    if (!clients->crl.empty()) check_pem(clients->crl, kRevocations, document);
    files.insert(files.end(), {&clients->ca, &clients->crl});
  }
  if (section.sound && faults(document) == before) check_context<net::TlsServerContext>(tls_options(section), files, document);
}

template <class Section>
void check_client(const Section& section, Document& document, std::time_t now) {
  if (!section.value.tls) return;
  const upstream::UpstreamTls& tls = *section.value.tls;
  size_t before = faults(document);
  if (!tls.ca.empty()) check_pem(tls.ca, kAuthorities, document);
  check_pair({tls.cert, tls.key}, document, now);
  bool ours = !tls.ca.empty() || !tls.cert.empty();   // what the system trusts is not in question here
  if (!ours || !section.sound || faults(document) > before) return;
  check_context<net::TlsClientContext>(tls_options(section), {&tls.ca, &tls.cert, &tls.key}, document);
}

void check_authority(const config::FilePath& ca, Document& document) {
  if (ca.empty()) return;
  size_t before = faults(document);
  check_pem(ca, kAuthorities, document);
  net::TlsClientOptions options;
  options.ca_file = ca.path;
  if (faults(document) == before) check_context<net::TlsClientContext>(options, {&ca}, document);
}

}  // namespace

void check_tls(const Config& config, Document& document, std::time_t now) {
  for (const auto& section : config.tls) check_server(section, document, now);
  for (const auto& section : config.upstream) check_client(section, document, now);
  for (const auto& section : config.redis) check_client(section, document, now);
  for (const auto& auth : config.auth) check_authority(auth.value.ca, document);
  for (const auto& authorizer : config.authorizer) check_authority(authorizer.value.ca, document);
}

}  // namespace sluice::snapshot

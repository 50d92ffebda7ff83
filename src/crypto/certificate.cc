#include "crypto/certificate.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace sluice::crypto {

namespace {

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using CertificatePointer = std::unique_ptr<X509, Deleter<&X509_free>>;
using KeyPointer = std::unique_ptr<EVP_PKEY, Deleter<&EVP_PKEY_free>>;
using FilePointer = std::unique_ptr<std::FILE, Deleter<&std::fclose>>;

// A key with a passphrase would make OpenSSL ask for it on the terminal.
int no_passphrase(char*, int, int, void*) {
  return -1;
}

// Not fopen: a pipe in the file's place would hold us up. gives: nothing, and the reason in `why`;
// errno is 0 when the system let us in
FilePointer open_file(const std::string& path, std::string& why) {
  int number = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  struct stat status {};
  if (number < 0 || ::fstat(number, &status) != 0) {
    why = std::strerror(errno);
    return nullptr;
  }
  if (S_ISREG(status.st_mode)) return FilePointer(::fdopen(number, "r"));
  ::close(number);
  errno = 0;
  why = "not a regular file";
  return nullptr;
}

std::string date(const ASN1_TIME* time) {
  std::tm parts{};
  char text[16] = "";
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return "?";
  std::strftime(text, sizeof(text), "%Y-%m-%d", &parts);
  return text;
}

void check_dates(const X509* certificate, std::time_t now, PairReport& report) {
  const ASN1_TIME* before = X509_get0_notBefore(certificate);
  const ASN1_TIME* after = X509_get0_notAfter(certificate);
  report.not_before = date(before);
  report.not_after = date(after);
  report.not_yet_valid = ASN1_TIME_cmp_time_t(before, now) > 0;
  report.expired = ASN1_TIME_cmp_time_t(after, now) < 0;
}

// A file may hold anything: no more of it is looked at than a chain has.
constexpr int kChainLooked = 16;

/// `first`: of the file, whose others follow. `key`: null when it could not be read
void check_chain(std::FILE* file, CertificatePointer first, EVP_PKEY* key, PairReport& report) {
  CertificatePointer before = std::move(first);
  for (int i = 2; i <= kChainLooked; ++i) {
    CertificatePointer next(PEM_read_X509(file, nullptr, &no_passphrase, nullptr));
    if (!next) return;
    if (report.stray == 0 && X509_check_issued(next.get(), before.get()) != X509_V_OK) report.stray = i;
    if (report.fits == 0 && key != nullptr && X509_check_private_key(next.get(), key) == 1) report.fits = i;
    before = std::move(next);
  }
}

}  // namespace

PairReport check_pair(const std::string& certificate_path, const std::string& key_path,
                      std::time_t now) {
  using State = PairReport::State;
  PairReport report;
  FilePointer certificate_file = open_file(certificate_path, report.detail);
  if (!certificate_file) {
    report.state = State::certificate_unreadable;
    return report;
  }
  CertificatePointer certificate(
      PEM_read_X509(certificate_file.get(), nullptr, &no_passphrase, nullptr));
  ERR_clear_error();
  if (!certificate) {
    report.state = State::certificate_invalid;
    return report;
  }
  check_dates(certificate.get(), now, report);
  FilePointer key_file = open_file(key_path, report.detail);
  if (!key_file) {
    report.state = errno == EACCES || errno == EPERM ? State::key_denied : State::key_unreadable;
    return report;
  }
  KeyPointer key(PEM_read_PrivateKey(key_file.get(), nullptr, &no_passphrase, nullptr));
  if (!key) report.state = State::key_invalid;
  if (key && X509_check_private_key(certificate.get(), key.get()) != 1)
    report.state = State::mismatch;
  check_chain(certificate_file.get(), std::move(certificate), key.get(), report);
  ERR_clear_error();
  return report;
}

int count_revocation_lists(const std::string& path, std::string& why) {
  using ListPointer = std::unique_ptr<X509_CRL, Deleter<&X509_CRL_free>>;
  FilePointer file = open_file(path, why);
  if (!file) return -1;
  int count = 0;
  while (ListPointer(PEM_read_X509_CRL(file.get(), nullptr, &no_passphrase, nullptr))) ++count;
  ERR_clear_error();
  return count;
}

int count_certificates(const std::string& path, std::string& why) {
  FilePointer file = open_file(path, why);
  if (!file) return -1;
  int count = 0;
  while (CertificatePointer(PEM_read_X509(file.get(), nullptr, &no_passphrase, nullptr))) ++count;
  ERR_clear_error();
  return count;
}

}  // namespace sluice::crypto

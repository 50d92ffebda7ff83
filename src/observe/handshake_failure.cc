// Reasons of failed TLS handshakes as labels. OpenSSL's reasons are many hundred; these are the ones
// that tell an operator what to do. Source of the words: openssl/ssl/ssl_err.c, crypto/x509/x509_txt.c.
#include <string_view>

#include "observe/metrics.h"

namespace sluice::observe {
namespace {

constexpr struct {
  std::string_view words;
  HandshakeFailure reason;
} kReasons[] = {
    {"http request", HandshakeFailure::not_tls},
    {"wrong version number", HandshakeFailure::not_tls},      // the first bytes are no TLS record
    {"unknown protocol", HandshakeFailure::not_tls},
    {"unsupported protocol", HandshakeFailure::version},
    {"protocol version", HandshakeFailure::version},
    {"version too low", HandshakeFailure::version},
    {"inappropriate fallback", HandshakeFailure::version},
    {"no shared cipher", HandshakeFailure::cipher},
    {"no suitable", HandshakeFailure::cipher},                // key share, signature algorithm
    {"no shared group", HandshakeFailure::cipher},
    {"no common signature", HandshakeFailure::cipher},
    {"certificate", HandshakeFailure::certificate},           // missing, expired, unknown, refused
    {"unknown ca", HandshakeFailure::certificate},
    {"self-signed", HandshakeFailure::certificate},
    {"CRL", HandshakeFailure::certificate},
    {"closed during", HandshakeFailure::closed},
    {"unexpected eof", HandshakeFailure::closed},
};

}  // namespace

HandshakeFailure handshake_failure_from(const Error& why) {
  if (why.code == Code::timeout) return HandshakeFailure::timeout;
  if (why.code == Code::reset || why.code == Code::closed || why.code == Code::cancelled) {
    return HandshakeFailure::closed;
  }
  if (why.code == Code::client_certificate) return HandshakeFailure::client_certificate;
  std::string_view what = why.what;
  for (const auto& reason : kReasons) {
    if (what.find(reason.words) != std::string_view::npos) return reason.reason;
  }
  return HandshakeFailure::other;
}

}  // namespace sluice::observe

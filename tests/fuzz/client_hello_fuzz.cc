// The name in a client hello: the first byte chooses whether the rest is a server_name extension in
// a hello that is otherwise sound, or the whole first flight. What we find before OpenSSL has
// judged the extension is bounded and in the form that certificates are chosen by; where OpenSSL
// takes the extension, it has read the same name.
#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "fuzz.h"
#include "net/tls_server_context.h"

using namespace sluice::net;

namespace {

struct Seen {
  bool asked = false;
  std::string ours;
};

int on_client_hello(SSL* ssl, int*, void*) {
  auto* seen = static_cast<Seen*>(SSL_get_app_data(ssl));
  seen->asked = true;
  seen->ours = client_hello_name(ssl);
  CLAIM(seen->ours.size() <= 255);
  CLAIM(seen->ours == lower_host_name(seen->ours + "."));
  return SSL_CLIENT_HELLO_SUCCESS;
}

/// Runs when OpenSSL has taken the extensions.
int on_server_name(SSL* ssl, int*, void*) {
  auto* seen = static_cast<Seen*>(SSL_get_app_data(ssl));
  const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  CLAIM(seen->asked && seen->ours == (name ? lower_host_name(name) : ""));
  return SSL_TLSEXT_ERR_OK;
}

SSL_CTX* context() {
  static SSL_CTX* made = [] {
    SSL_CTX* out = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_client_hello_cb(out, on_client_hello, nullptr);
    SSL_CTX_set_tlsext_servername_callback(out, on_server_name);
    return out;
  }();
  return made;
}

std::string number(size_t value, int bytes) {
  std::string out;
  while (bytes-- > 0) out += static_cast<char>(value >> (8 * bytes));
  return out;
}

/// A TLS 1.2 hello with one cipher and one extension.
std::string hello_with(std::string_view server_name) {
  std::string extension = number(0, 2) + number(server_name.size(), 2) + std::string(server_name);
  std::string body = "\x03\x03" + std::string(32, 'r') + number(0, 1);
  body += number(2, 2) + "\xc0\x2b" + number(1, 1) + number(0, 1);
  body += number(extension.size(), 2) + extension;
  std::string message = "\x01" + number(body.size(), 3) + body;
  return "\x16\x03\x01" + number(message.size(), 2) + message;
}

void receive(std::string_view bytes) {
  Seen seen;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context()), &SSL_free);
  SSL_set_app_data(ssl.get(), &seen);
  BIO* in = BIO_new(BIO_s_mem());
  BIO_write(in, bytes.data(), static_cast<int>(bytes.size()));
  SSL_set_bio(ssl.get(), in, BIO_new(BIO_s_mem()));
  SSL_accept(ssl.get());  // fails at the latest because there is no certificate
  tls_reason();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string_view rest = text_of(data, size).substr(1);
  if (data[0] % 4 == 0) {
    receive(rest);
  } else if (rest.size() < 12'000) {
    receive(hello_with(rest));
  }
  return 0;
}

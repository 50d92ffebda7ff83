// A TLS handshake in memory between two contexts: no socket, no loop.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "net/tls_pem.h"

namespace sluice::net {

using SslPtr = std::unique_ptr<SSL, OpensslDeleter<&SSL_free>>;
using SessionPtr = std::unique_ptr<SSL_SESSION, OpensslDeleter<&SSL_SESSION_free>>;

class MemoryHandshake {
 public:
  MemoryHandshake(SSL_CTX* server, SSL_CTX* client, const char* name = "a.example",
                  SSL_SESSION* session = nullptr)
      : server_(SSL_new(server)), client_(SSL_new(client)) {
    BIO *left = nullptr, *right = nullptr;
    BIO_new_bio_pair(&left, 0, &right, 0);
    SSL_set_bio(server_.get(), left, left);
    SSL_set_bio(client_.get(), right, right);
    SSL_set_accept_state(server_.get());
    SSL_set_connect_state(client_.get());
    SSL_set_tlsext_host_name(client_.get(), name);
    if (session) SSL_set_session(client_.get(), session);
    for (int i = 0; i < 10; ++i) {
      SSL_do_handshake(client_.get());
      SSL_do_handshake(server_.get());
    }
    char byte = 0;
    size_t got = 0;
    SSL_read_ex(client_.get(), &byte, 1, &got);   // takes in tickets, or the server's alert
  }
  ~MemoryHandshake() {
    // An end without this makes OpenSSL distrust the session.
    SSL_set_shutdown(client_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  }
  MemoryHandshake(const MemoryHandshake&) = delete;
  /// What counts is the server's view: in TLS 1.3 a client is done before it is refused.
  bool done() const { return SSL_is_init_finished(server_.get()) == 1; }
  bool resumed() const { return done() && SSL_session_reused(server_.get()) == 1; }
  SSL* server() { return server_.get(); }
  SSL* client() { return client_.get(); }
  SessionPtr session() { return SessionPtr(SSL_get1_session(client_.get())); }
  std::string cipher() const { return SSL_get_cipher_name(server_.get()); }

 private:
  SslPtr server_, client_;
};

}  // namespace sluice::net

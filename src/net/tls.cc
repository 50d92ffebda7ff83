#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "base/check.h"
#include "loop/task.h"
#include "net/tcp.h"

namespace sluice::net {
namespace {

enum class Role : uint8_t { server, client };

struct SslDeleter {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};

Error tls_error(Code code, const char* what) {
  return Error{code, Side::gateway, Progress::unsent, what};
}

/// Bytes from the wire are collected in input_ and pumped through OpenSSL until it wants more, the
/// reader pauses, or the connection ends. Resuming pumps from the ready list, never at once.
class TlsTransport final : public Transport, Transport::Events, Task, Deferred {
 public:
  TlsTransport(TlsIo& io, Role role, std::shared_ptr<const void> context, SSL_CTX* ssl_context)
      : Task(io.loop().scheduler()), io_(&io), context_(std::move(context)),
        ssl_(SSL_new(ssl_context)), role_(role) {
    CHECK(ssl_ != nullptr);
    BIO* bio = io.share_bio();
    SSL_set_bio(ssl_.get(), bio, bio);   // takes one count for both
    role == Role::server ? SSL_set_accept_state(ssl_.get()) : SSL_set_connect_state(ssl_.get());
    SSL_set_msg_callback(ssl_.get(), &TlsTransport::on_message);
    SSL_set_msg_callback_arg(ssl_.get(), this);
  }

  SSL* ssl() { return ssl_.get(); }
  void adopt(TransportPtr inner, Chain early) {
    inner_ = std::move(inner);
    input_ = std::move(early);
  }
  Result<void> connect(const SocketAddress& to, Transport::Events& events);

  void start(Transport::Events& events) override;
  void set_events(Transport::Events& events) override { events_ = &events; }
  Result<void> write(Chain bytes) override;
  size_t queued() const override { return inner_ ? inner_->queued() : 0; }
  void pause_read() override {
    paused_ = true;
    inner_->pause_read();
  }
  void resume_read() override;
  bool read_paused() const override { return paused_; }
  void finish() override;
  void abort() override {
    ended_ = failed_ = true;
    inner_->abort();
  }
  bool broken() const override { return failed_ || inner_->broken(); }
  bool input_waits() const override { return !input_.empty() || inner_->input_waits(); }
  bool writes_late() const override { return true; }
  TlsFacts tls() const override;
  bool is_tls() const override { return true; }

 private:
  ~TlsTransport() = default;
  void destroy() override;
  void release() override { delete this; }

  void on_open() override { pump(); }
  void on_read(const Slice& bytes) override;
  void on_eof() override;
  void on_writable() override { if (events_) events_->on_writable(); }
  void on_write_failed(Error why) override { if (events_) events_->on_write_failed(why); }
  void on_failed(Error why) override { fail(why); }
  Next advance() override {
    pump();
    return Next::wait;
  }

  static void on_message(int writes, int version, int type, const void* data, size_t size, SSL* ssl,
                         void* self);
  bool readable() const { return events_ != nullptr && !paused_ && !ended_; }
  void pump();
  bool shake();
  void read_records();
  void end_of_input();
  void keep_input();
  Error failure();
  void fail(Error why);
  void encrypt(std::string_view plain);
  void flush_now();

  TlsIo* io_;
  TransportPtr inner_;
  Transport::Events* events_ = nullptr;
  std::shared_ptr<const void> context_;   // its callbacks are called with it
  std::unique_ptr<SSL, SslDeleter> ssl_;
  Chain input_;                           // from the wire, not yet seen by OpenSSL
  std::string server_name_;               // SNI of a client
  std::unique_ptr<const crypto::ClientCertificate> client_;
  uint32_t late_handshakes_ = 0;          // messages since the handshake was done
  Role role_;
  bool open_ : 1 = false;        // the handshake is done
  bool paused_ : 1 = false;
  bool thirsty_ : 1 = true;      // OpenSSL holds nothing: it wants bytes from the wire
  bool inner_eof_ : 1 = false;
  bool ended_ : 1 = false;       // on_eof or on_failed was reported, or abort() called
  bool failed_ : 1 = false;
  bool finishing_ : 1 = false;
};

Result<void> TlsTransport::connect(const SocketAddress& to, Transport::Events& events) {
  events_ = &events;
  auto inner = connect_socket(io_->loop(), to, *this);
  if (!inner) return inner.error();
  inner_ = std::move(*inner);
  return {};
}

void TlsTransport::start(Transport::Events& events) {
  events_ = &events;
  if (!input_.empty()) Task::ready();
  inner_->start(*this);
}

void TlsTransport::resume_read() {
  if (!paused_) return;
  paused_ = false;
  // What is held comes first; the pump lets the wire go on when all of it is out.
  if (!input_.empty() || !thirsty_ || inner_eof_) {
    Task::ready();
  } else if (!ended_) {
    inner_->resume_read();
  }
}

void TlsTransport::on_read(const Slice& bytes) {
  if (events_ == nullptr || ended_) return;   // after the peer's close_notify nothing counts
  input_.append(bytes);
  pump();
}

void TlsTransport::on_eof() {
  inner_eof_ = true;
  pump();
}

void TlsTransport::pump() {
  if (events_ == nullptr || ended_) return;
  if (!open_ && !shake()) return keep_input();
  while (readable()) {
    read_records();
    if (thirsty_) break;
  }
  if (events_ == nullptr || ended_) return input_.clear();
  if (!paused_ && inner_eof_) return end_of_input();
  if (paused_) {
    inner_->pause_read();
  } else if (inner_->read_paused()) {
    inner_->resume_read();
  }
  keep_input();
}

void TlsTransport::keep_input() {
  // A block of the size of the read buffer must not be held for a few bytes.
  if (input_.empty() || input_.size() >= input_.front_slice().block->capacity() / 4) return;
  std::string bytes = input_.to_string();
  input_.clear();
  input_.append_copy(io_->loop().blocks(), bytes);
}

bool TlsTransport::shake() {
  ERR_clear_error();
  int status = 0;
  {
    TlsIo::Call call(*io_, input_);
    status = SSL_do_handshake(ssl_.get());
  }
  int error = status == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl_.get(), status);
  Error why = error == SSL_ERROR_SSL ? failure() : tls_error(Code::tls_failed, "");
  flush_now();
  if (error == SSL_ERROR_WANT_READ) {
    if (inner_eof_) fail(tls_error(Code::tls_failed, "closed during the handshake"));
    return false;
  }
  if (error != SSL_ERROR_NONE) {
    fail(why);
    return false;
  }
  open_ = true;
  thirsty_ = false;   // the last flight may have brought data along
  if (const char* name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name)) {
    server_name_ = lower_host_name(name);
  }
  X509* peer = role_ == Role::server ? SSL_get0_peer_certificate(ssl_.get()) : nullptr;
  if (peer != nullptr) client_ = describe_certificate(peer, TlsServerContext::client_ids(ssl_.get()));
  events_->on_open();
  return events_ != nullptr;
}

void TlsTransport::read_records() {
  // Held by hand: the receiver may keep bytes and another connection may then ask for a block.
  BlockRef block(&io_->plain_block(input_.size()));
  size_t used = 0;
  int error = SSL_ERROR_NONE;
  Error why = tls_error(Code::tls_failed, "");
  while (error == SSL_ERROR_NONE && used < block->capacity()) {
    ERR_clear_error();
    size_t got = 0;
    TlsIo::Call call(*io_, input_);
    int status = SSL_read_ex(ssl_.get(), block->data() + used, block->capacity() - used, &got);
    if (status == 1) used += got;
    if (status != 1) error = SSL_get_error(ssl_.get(), status);
    // Asking once more would only say so, at the price of half a read.
    if (status == 1 && input_.empty() && SSL_has_pending(ssl_.get()) == 0) error = SSL_ERROR_WANT_READ;
  }
  if (error == SSL_ERROR_SSL) why = failure();
  thirsty_ = error != SSL_ERROR_NONE;
  flush_now();
  if (used > 0) {
    Slice plain{block.get(), block->data(), used};
    block.reset();   // as with sockets, the receiver's count decides whether the block is reused
    events_->on_read(plain);
    if (events_ == nullptr || ended_) return;
  }
  if (late_handshakes_ > kLateHandshakesMax) {
    return fail(tls_error(Code::tls_failed, "too many handshake messages"));
  }
  if (error == SSL_ERROR_NONE || error == SSL_ERROR_WANT_READ) return;
  if (error != SSL_ERROR_ZERO_RETURN) return fail(why);
  ended_ = true;
  inner_->pause_read();
  events_->on_eof();
}

void TlsTransport::end_of_input() {
  if (role_ == Role::client) {
    return fail(tls_error(Code::truncated, "ended without close_notify"));
  }
  ended_ = true;
  events_->on_eof();
}

Error TlsTransport::failure() {
  int reason = ERR_GET_REASON(ERR_peek_error());
  bool refused = role_ == Role::server && (reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE ||
                                           reason == SSL_R_CERTIFICATE_VERIFY_FAILED);
  const char* text = tls_reason();
  if (long verified = SSL_get_verify_result(ssl_.get()); verified != X509_V_OK) {
    text = X509_verify_cert_error_string(verified);
  }
  return tls_error(refused ? Code::client_certificate : Code::tls_failed, text);
}

// Called for every record too: it must stay this short.
void TlsTransport::on_message(int writes, int, int type, const void*, size_t, SSL*, void* self) {
  auto* transport = static_cast<TlsTransport*>(self);
  // What a client asks for in vain is answered by an alert (no_renegotiation).
  bool late = writes != 0 ? type == SSL3_RT_ALERT : type == SSL3_RT_HANDSHAKE;
  if (transport->open_ && late) ++transport->late_handshakes_;
}

void TlsTransport::fail(Error why) {
  if (ended_) return;
  ended_ = failed_ = true;
  input_.clear();
  if (inner_) inner_->pause_read();
  if (events_) events_->on_failed(why);
}

void TlsTransport::flush_now() {
  Chain output = io_->take_output();
  // A failure shows again at the next write or read.
  if (!output.empty()) (void)inner_->write(std::move(output));
}

Result<void> TlsTransport::write(Chain bytes) {
  if (failed_ || finishing_ || !open_) {
    return Error{Code::reset, Side::gateway, Progress::sent, "write on a TLS connection not open"};
  }
  while (!bytes.empty() && !failed_) {
    std::string_view front = bytes.front();
    if (front.size() == bytes.size()) {
      encrypt(front);
      break;
    }
    if (front.size() >= TlsIo::kRecordBytes) {
      size_t whole = front.size() / TlsIo::kRecordBytes * TlsIo::kRecordBytes;
      encrypt(front.substr(0, whole));
      bytes.drop_front(whole);
      continue;
    }
    Chain record = bytes.split(std::min(bytes.size(), TlsIo::kRecordBytes));
    record.copy_to(io_->record());
    encrypt({io_->record(), record.size()});
  }
  bytes.clear();
  if (failed_) {
    flush_now();   // nothing of ours may stay in the worker's output
    return Error{Code::tls_failed, Side::gateway, Progress::sent, "TLS cannot write"};
  }
  return inner_->write(io_->take_output());
}

void TlsTransport::encrypt(std::string_view plain) {
  ERR_clear_error();
  size_t wrote = 0;
  TlsIo::Call call(*io_, input_);
  // The BIO takes everything, so a write is whole or has failed.
  if (SSL_write_ex(ssl_.get(), plain.data(), plain.size(), &wrote) != 1) failed_ = true;
}

void TlsTransport::finish() {
  if (finishing_ || failed_) return;
  finishing_ = true;
  if (open_) {
    ERR_clear_error();
    TlsIo::Call call(*io_, input_);
    SSL_shutdown(ssl_.get());   // 0: sent, the peer's own is not here yet
  }
  flush_now();
  inner_->finish();
}

TlsFacts TlsTransport::tls() const {
  TlsFacts facts;
  if (!open_) return facts;
  facts.version = SSL_get_version(ssl_.get());
  if (const char* cipher = SSL_get_cipher_name(ssl_.get())) facts.cipher = cipher;
  facts.server_name = server_name_;
  facts.resumed = SSL_session_reused(ssl_.get()) == 1;
  facts.client = client_.get();
  const unsigned char* protocol = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &protocol, &size);
  if (protocol) facts.alpn = {reinterpret_cast<const char*>(protocol), size};
  return facts;
}

void TlsTransport::destroy() {
  events_ = nullptr;
  input_.clear();
  inner_.reset();
  scheduler().defer(*this);   // an event of ours may be on the stack
}

}  // namespace

TransportPtr accept_tls(TlsIo& io, TransportPtr inner,
                        std::shared_ptr<const TlsServerContext> context, Chain early,
                        const std::string* protocols) {
  SSL_CTX* ssl_context = context->ssl();
  auto* made = new TlsTransport(io, Role::server, std::move(context), ssl_context);
  if (protocols) SSL_set_app_data(made->ssl(), const_cast<std::string*>(protocols));   // for on_alpn alone
  made->adopt(std::move(inner), std::move(early));
  return TransportPtr(made);
}

Result<TransportPtr> connect_tls(TlsIo& io, const TlsTarget& target, Transport::Events& events) {
  auto* made = new TlsTransport(io, Role::client, target.context, target.context->ssl());
  TransportPtr transport(made);
  if (auto named = target.context->expect_name(made->ssl(), target.server_name); !named) {
    return named.error();
  }
  if (auto begun = made->connect(target.address, events); !begun) return begun.error();
  return transport;
}

}  // namespace sluice::net

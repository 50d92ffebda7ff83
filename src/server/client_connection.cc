#include "server/client_connection.h"

namespace sluice::server {

void ClientConnection::start(net::TransportPtr transport, Chain early) {
  facts_.listener = settings_.get();
  facts_.transport = transport.get();
  facts_.tls = transport->is_tls();
  if (transport->is_tls()) return connection_.start_handshake(std::move(transport));
  const Protocols& protocols = settings_->protocols;
  if (protocols.h2 && protocols.h1) {
    PrefaceReader::Owner& owner = *this;
    preface_ = std::make_unique<PrefaceReader>(owner);
    connection_.set_codec(*preface_);
  }
  connection_.start(std::move(transport), http::Phase::idle);
  if (protocols.h2 && !protocols.h1) speak_h2();
  early.each([this](const Slice& slice) { connection_.on_read(slice); });
}

void ClientConnection::speak_agreed() {
  bool agreed = facts_.transport->tls().alpn == "h2";
  if (!agreed && settings_->protocols.h1) return;
  speak_h2();
  if (draining_) h2_->drain();   // it began in the handshake, and only codec_ heard of it
}

void ClientConnection::on_protocol(http::Version version, Chain bytes) {
  bool draining = preface_->draining();
  preface_.reset();
  connection_.set_codec(codec_);
  if (draining) connection_.expect(http::Phase::idle);
  if (version == http::Version::h2) speak_h2();
  http::Codec& codec = h2_ ? static_cast<http::Codec&>(*h2_) : codec_;
  bytes.each([&](const Slice& slice) { codec.feed(slice); });
  if (draining) codec.drain();
}

void ClientConnection::speak_h2() {
  if (MemoryShare* share = connection_.blocks().share()) share->take(http::kH2Bytes);
  http::StreamAcceptor& acceptor = *this;
  h2_ = std::make_unique<http::H2ServerCodec>(connection_, acceptor, settings_->h2_limits);
  connection_.set_codec(*h2_);
  h2_->start();
}

}  // namespace sluice::server

// The two sides of an HTTP/2 connection: requests come in, or go out.
#pragma once

#include "http/h2_session.h"

namespace sluice::http {

class H2ServerCodec final : public H2Session {
 public:
  H2ServerCodec(Wire& wire, StreamAcceptor& acceptor, const H2Limits& limits)
      : H2Session(Role::server, wire, limits), acceptor_(&acceptor) {}

  void on_eof() override;
  void drain() override;

 private:
  void on_header_list(int32_t id, H2Stream* stream, End end) override;
  void bad_message(H2Stream& stream, const Problem& problem) override;
  Error reset_error(const H2Stream& stream, uint32_t code) const override;
  std::optional<uint32_t> detach_code(const H2Stream& stream) override;
  const H2FieldWriter::Fields& write_head(H2Stream& stream, const Head& head) override;
  void on_goaway() override { leaving_ = true; }
  void on_tick() override;
  Phase busy_phase() const override { return Phase::streams; }

  StreamAcceptor* acceptor_;
};

class H2ClientCodec final : public H2Session {
 public:
  H2ClientCodec(Wire& wire, Scheme scheme, const H2Limits& limits)
      : H2Session(Role::client, wire, limits), scheme_(scheme) {}

  /// Begins a request/response pair. needs: has_room()
  Stream& open(StreamEvents& events);
  /// Another stream may be opened: the server allows it, and nobody leaves.
  bool has_room() const { return !finished_ && !leaving_ && streams() < streams_max(); }
  /// The server has said what it takes.
  bool is_greeted() const { return greeted_; }
  /// No stream is opened any more; those that are open go on.
  bool leaving() const { return leaving_ || finished_; }

  void on_eof() override;
  void drain() override;

 private:
  void on_header_list(int32_t id, H2Stream* stream, End end) override;
  void bad_message(H2Stream& stream, const Problem& problem) override;
  Error reset_error(const H2Stream& stream, uint32_t code) const override;
  std::optional<uint32_t> detach_code(const H2Stream& stream) override;
  const H2FieldWriter::Fields& write_head(H2Stream& stream, const Head& head) override;
  void on_goaway() override;
  void on_stream_over() override { wire_->available(); }
  void on_ended() override { wire_->available(); }
  void on_settings() override {
    greeted_ = true;
    wire_->available();
  }
  void on_tick() override;
  /// Whoever sends a request has patience of his own; nobody watches a tunnel, or a stream that he has left.
  Phase busy_phase() const override { return watches_ ? Phase::streams : Phase::none; }

  void fail(H2Stream& stream, const Error& why);
  size_t streams_max() const;

  Scheme scheme_;
  bool greeted_ = false;
  bool watches_ = false;
};

}  // namespace sluice::http

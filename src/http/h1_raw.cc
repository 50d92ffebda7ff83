// Bodies of HTTP/1 that are moved from socket to socket by their receiver: only the counting is left to do.
// Chunked ones are not among them: their sizes lie between the bytes.
#include "http/h1_codec.h"

namespace sluice::http {

RawRun H1Stream::raw_run() {
  if (finished_) return {};
  switch (reading_) {
    case Reading::length: return {left_, wire_->raw_socket()};
    case Reading::to_close: return {UINT64_MAX, wire_->raw_socket()};
    case Reading::idle: case Reading::head: case Reading::chunks: case Reading::trailers: case Reading::tunnel:
    case Reading::done: case Reading::discard: break;
  }
  return {};
}

RawRun H1Stream::raw_room() {
  bool verbatim = writing_ == Writing::length || (writing_ == Writing::to_close && !tunnel_);
  int socket = finished_ || !verbatim ? -1 : wire_->raw_socket();
  if (socket < 0) return {};
  if (!wire_->output_clear()) {
    blocked_ = true;
    wire_->hurry_output();
    return {0, socket};
  }
  return {writing_ == Writing::length ? write_left_ : UINT64_MAX, socket};
}

void H1Stream::begin_raw() {
  raw_ = true;
  wire_->leave_input();
}

void H1Stream::end_raw() {
  if (!raw_) return;
  raw_ = false;
  wire_->read_input();
}

void H1Stream::raw_taken(uint64_t bytes) {
  unconsumed_ += bytes;
  wire_->raw_read(bytes);
  if (reading_ != Reading::length) return;
  CHECK(bytes <= left_);   // beyond it lies the next message
  left_ -= bytes;
  if (left_ > 0) return;
  end_raw();
  message_read();
}

void H1Stream::hold_raw() {
  if (raw_) pause();
}

void H1Stream::raw_sent(uint64_t bytes) {
  wire_->raw_written(bytes);
  if (writing_ != Writing::length) return;
  CHECK(bytes <= write_left_);
  write_left_ -= bytes;
}

void H1Stream::on_readable() {
  bool body = reading_ == Reading::length || reading_ == Reading::to_close;
  if (!body || finished_ || events_ == nullptr) return end_raw();   // what comes is dropped, and so must be read
  if (unconsumed_ == 0) return events_->on_raw();
  hold_raw();
}

}  // namespace sluice::http

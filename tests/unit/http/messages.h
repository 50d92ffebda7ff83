// Drives scanner, head parser, chunk decoder and trailer parser over one message as a codec would,
// with the bytes arriving `step` at a time.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "http/h1_parser.h"
#include "http/h1_problems.h"

namespace sluice::http {

/// What became of the first message in some bytes.
struct Message {
  explicit Message(BlockPool& pool) : arena(pool), head(arena), trailers(arena) {}
  Arena arena;
  Head head;
  Fields trailers;
  bool complete = false;
  const Problem* problem = nullptr;    // requests, and scanner and chunks of responses
  const char* error = "";              // head of a response
  std::string body;
  size_t used = 0;                     // bytes of the input that belong to it

  /// "ok", "incomplete", or the code of the problem.
  std::string_view verdict() const {
    if (problem) return problem->code;
    if (*error) return error;
    return complete ? "ok" : "incomplete";
  }
  int status() const { return problem ? problem->status : *error ? 502 : complete ? 200 : 0; }
};

class Driver {
 public:
  Driver(std::string_view bytes, size_t step, const H1Limits& limits)
      : bytes_(bytes), step_(step == 0 ? bytes.size() : step), limits_(limits) {}

  void request(Message& out) {
    if (!block(HeadScanner::Kind::request, out)) return;
    out.problem = parse_request_head(block_, limits_, out.arena, out.head);
    if (!out.problem) body(out);
  }
  void response(Method method, Message& out) {
    if (!block(HeadScanner::Kind::response, out)) return;
    Result<void> result = parse_response_head(block_, limits_, method, out.arena, out.head);
    if (result) return body(out);
    out.error = result.error().what;
  }

 private:
  /// The bytes of a block, copied into the arena as a codec does.
  bool block(HeadScanner::Kind kind, Message& out) {
    HeadScanner scanner(kind, limits_);
    std::string_view rest = bytes_.substr(out.used);
    for (size_t end = std::min(step_, rest.size());; end = std::min(end + step_, rest.size())) {
      switch (scanner.scan(rest.substr(0, end))) {
        case HeadScanner::State::refused: out.problem = &scanner.problem(); return false;
        case HeadScanner::State::complete:
          block_ = out.arena.copy(rest.substr(scanner.skipped(), scanner.size()));
          out.used += scanner.skipped() + scanner.size();
          return true;
        case HeadScanner::State::incomplete: break;
      }
      if (end == rest.size()) return false;
    }
  }

  void body(Message& out) {
    switch (out.head.body) {
      case Body::none: out.complete = true; return;
      case Body::to_close: take(bytes_.size() - out.used, out); return;
      case Body::length: take(*out.head.content_length, out); return;
      case Body::streamed: chunks(out); return;
    }
  }
  void take(uint64_t size, Message& out) {
    out.body = bytes_.substr(out.used, size);
    out.used += out.body.size();
    out.complete = out.body.size() == size;
  }
  void chunks(Message& out) {
    ChunkDecoder decoder;
    while (out.used < bytes_.size()) {
      ChunkDecoder::Step step = decoder.feed(bytes_.substr(out.used, step_));
      out.used += step.taken;
      if (step.state == ChunkDecoder::State::refused) {
        out.problem = &decoder.problem();
        return;
      }
      if (decoder.body_bytes() > limits_.body_bytes_max) {
        out.problem = &kBodyTooLarge;
        return;
      }
      out.body += step.data;
      if (step.state != ChunkDecoder::State::last) continue;
      if (!block(HeadScanner::Kind::trailers, out)) return;
      out.problem = parse_trailers(block_, Side::client, out.trailers);
      out.complete = !out.problem;
      return;
    }
  }

  std::string_view bytes_;
  size_t step_;
  H1Limits limits_;
  std::string_view block_;
};

inline void drive_request(std::string_view bytes, size_t step, const H1Limits& limits,
                          Message& out) {
  Driver(bytes, step, limits).request(out);
}
inline void drive_response(std::string_view bytes, size_t step, Method method, Message& out) {
  Driver(bytes, step, {}).response(method, out);
}

}  // namespace sluice::http

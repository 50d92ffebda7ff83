// Receivers that write down what a stream tells them, as one line: "head(GET /a) body(abc) end".
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/arena.h"
#include "http/stream.h"
#include "http/token.h"

namespace sluice::http {

class RecordingEvents final : public StreamEvents {
 public:
  explicit RecordingEvents(BlockPool& pool) : arena_(pool) {}

  Arena& arena() override { return arena_; }
  void on_head(Head& received) override {
    head = &received;
    std::string what = received.status ? std::to_string(received.status)
                                       : std::string(method_name(received.method)) + " " +
                                             std::string(received.path);
    note("head(" + what + ")");
  }
  void on_informational(Head& received) override {
    note("interim(" + std::to_string(received.status) + ")");
  }
  void on_body(Chain bytes) override {
    body += bytes.to_string();
    unconsumed += bytes.size();
    in_body_ = true;
  }
  void on_raw() override { ++raws; }
  void on_trailers(Fields& trailers) override {
    std::string text;
    for (const Field& field : trailers) {
      text += std::string(field.name()) + "=" + std::string(field.value());
    }
    note("trailers(" + text + ")");
  }
  void on_end() override { note("end"); }
  void on_credit() override { ++credits; }
  void on_reset(Error why) override {
    reset = why;
    note("reset(" + std::string(code_name(why.code)) + ")");
  }
  void on_refused(const Problem& problem, Head& received) override {
    head = &received;
    refused = &problem;
    note("refused(" + std::string(problem.code) + ")");
  }

  /// Everything so far. Bodies are shown when they are short.
  std::string log() {
    end_body();
    return log_;
  }
  /// The message came to its end, in one way or another.
  bool over() const { return log_.ends_with("end") || refused; }
  /// Gives back the room of everything received.
  void consume_all(Stream& stream) { stream.consume(std::exchange(unconsumed, 0)); }

  Head* head = nullptr;
  const Problem* refused = nullptr;
  std::optional<Error> reset;
  std::string body;
  size_t unconsumed = 0;
  int credits = 0;
  int raws = 0;

 private:
  void end_body() {
    if (!std::exchange(in_body_, false)) return;
    bool is_short = body.size() <= 40;
    append("body(" + (is_short ? body : std::to_string(body.size()) + " bytes") + ")");
  }
  void note(const std::string& text) {
    end_body();
    append(text);
  }
  void append(const std::string& text) { log_ += (log_.empty() ? "" : " ") + text; }

  std::string log_;
  bool in_body_ = false;
  Arena arena_;
};

/// A new RecordingEvents for every request.
class RecordingAcceptor final : public StreamAcceptor {
 public:
  explicit RecordingAcceptor(BlockPool& pool) : pool_(&pool) {}
  StreamEvents& accept(Stream&) override {
    requests.push_back(std::make_unique<RecordingEvents>(*pool_));
    return *requests.back();
  }
  RecordingEvents& last() { return *requests.back(); }
  /// All requests: "head(GET /a) end | head(GET /b) end".
  std::string log() {
    std::string all;
    for (auto& request : requests) all += (all.empty() ? "" : " | ") + request->log();
    return all;
  }

  std::vector<std::unique_ptr<RecordingEvents>> requests;

 private:
  BlockPool* pool_;
};

}  // namespace sluice::http

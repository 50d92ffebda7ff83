// A Stream that keeps what is sent to it, and takes it by credit. Either side: a test feeds the
// other direction through the StreamEvents that belong to it.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "http/stream.h"

namespace sluice::fakes {

/// A head as it was when it was sent.
struct SentHead {
  uint16_t status = 0;
  std::string method, path, authority;
  std::vector<std::pair<std::string, std::string>> fields;
  std::optional<uint64_t> content_length;
  bool keep_alive = true;
  bool expect_continue = false;
  http::End end = http::End::no;

  /// gives: all values of that name, joined with "|"; "-" when there is none
  std::string operator[](std::string_view name) const {
    std::string out;
    bool found = false;
    for (const auto& [field, value] : fields) {
      if (field != name) continue;
      out += (found ? "|" : "") + value;
      found = true;
    }
    return found ? out : "-";
  }
};

class FakeStream final : public http::Stream {
 public:
  ~FakeStream() override { EXPECT_FALSE(misused_) << misuse_; }

  // http::Stream
  void send_informational(const http::Head& sent) override {
    use("send_informational");
    informational.push_back(sent.status);
  }
  void send_head(const http::Head& sent, http::End end) override {
    use("send_head");
    if (head || ended) misuse("a second head");
    head = copy(sent, end);
    ended = end == http::End::yes;
  }
  void send_body(Chain bytes, http::End end) override {
    use("send_body");
    if (!head || ended) misuse("a body outside its message");
    if (bytes.size() > credit_) misuse("more than its credit");
    if (credit_ != kUnlimited) credit_ -= std::min(credit_, bytes.size());
    body += bytes.to_string();
    ended = end == http::End::yes;
  }
  void send_trailers(const http::Fields& sent) override {
    use("send_trailers");
    if (!head || ended) misuse("trailers outside their message");
    for (const http::Field& field : sent) trailers.emplace_back(field.name(), field.value());
    ended = true;
  }
  size_t credit() const override {
    const_cast<FakeStream*>(this)->use("credit");
    return credit_;
  }
  void consume(size_t bytes) override {
    use("consume");
    consumed += bytes;
  }
  void begin_tunnel(http::StreamEvents& events) override {
    use("begin_tunnel");
    tunnel = &events;
    ended = false;
  }
  void reset(Error why) override {
    use("reset");
    reset_by = why;
    gone = true;
  }
  void detach() override {
    use("detach");
    detached = true;
    gone = true;
  }

  // The other end
  static constexpr size_t kUnlimited = SIZE_MAX;
  void set_credit(size_t credit) { credit_ = credit; }
  /// The connection is no more: any further call is a fault.
  void vanish() { gone = true; }

  std::vector<uint16_t> informational;
  std::optional<SentHead> head;
  std::string body;
  std::vector<std::pair<std::string, std::string>> trailers;
  std::optional<Error> reset_by;
  http::StreamEvents* tunnel = nullptr;   // who hears of it as a tunnel
  size_t consumed = 0;
  bool ended = false;
  bool detached = false;
  bool gone = false;  // reset, detached or vanished: nobody may touch it

 private:
  static SentHead copy(const http::Head& from, http::End end) {
    SentHead to;
    to.status = from.status;
    to.method = http::method_name(from.method);
    to.path = from.path;
    to.authority = from.authority;
    for (const http::Field& field : from.fields)
      to.fields.emplace_back(field.name(), field.value());
    to.content_length = from.content_length;
    to.keep_alive = from.keep_alive;
    to.expect_continue = from.expect_continue;
    to.end = end;
    return to;
  }
  void use(const char* call) {
    if (gone) misuse(call);
  }
  void misuse(const char* what) {
    misused_ = true;
    misuse_ = misuse_.empty() ? what : misuse_ + ", " + what;
  }

  size_t credit_ = kUnlimited;
  std::string misuse_;
  bool misused_ = false;
};

}  // namespace sluice::fakes

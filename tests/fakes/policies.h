// Policies that do one thing each, for tests of what the engine makes of their verdicts.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "policy/policy.h"

namespace sluice::fakes {

inline constexpr http::Problem kDenied{403, "fake_denied", "Denied", "A test said so."};
inline constexpr http::Problem kBadBody{422, "fake_bad_body", "Bad body", "A test said so."};

/// Waits for a verdict that the test gives through `resume`.
class WaitingPolicy final : public policy::Policy {
 public:
  struct State {
    std::optional<policy::Resume> resume;
    int asked = 0;
    bool answer_at_once = false;  // before on_request has even returned
  };
  WaitingPolicy(State& state, Duration patience, const http::Problem* if_late)
      : state_(&state), patience_(patience), if_late_(if_late) {}
  std::string_view name() const override { return "waiting"; }
  std::string describe() const override { return "waits"; }
  policy::Wants wants() const override { return {.request = true}; }
  policy::Verdict on_request(policy::Call& call) const override {
    ++state_->asked;
    state_->resume = call.resume();
    if (state_->answer_at_once) state_->resume->give(policy::Verdict::pass());
    return policy::Verdict::wait(call.clock().now() + patience_, if_late_);
  }

 private:
  State* state_;
  Duration patience_;
  const http::Problem* if_late_;
};

/// Appends its letter to X-Order, on requests and on responses; refuses when told to.
class MarkingPolicy final : public policy::Policy {
 public:
  enum class Does : uint8_t { pass, refuse };
  explicit MarkingPolicy(std::string letter, Does does = Does::pass)
      : letter_(std::move(letter)), does_(does) {}
  std::string_view name() const override { return "marking"; }
  std::string describe() const override { return "marks " + letter_; }
  policy::Wants wants() const override { return {.request = true, .response = true}; }
  policy::Verdict on_request(policy::Call& call) const override {
    call.scratch() = call.arena().array<char>(1);
    mark(call.arena(), call.request().fields);
    return does_ == Does::pass ? policy::Verdict::pass() : policy::Verdict::refuse(kDenied);
  }
  void on_response(policy::Call& call, http::Head& response) const override {
    if (call.scratch() == nullptr) response.fields.add("X-Unseen", letter_);
    mark(call.arena(), response.fields);
  }

 private:
  void mark(Arena& arena, http::Fields& fields) const {
    std::string_view before = fields.get("X-Order").value_or("");
    fields.set("X-Order", arena.join(before, letter_));
  }
  std::string letter_;
  Does does_;
};

/// Sees bodies pass: turns them into upper case, or holds the last block back and refuses at the
/// end.
class BodyPolicy final : public policy::Policy {
 public:
  enum class Does : uint8_t { double_bytes, hold_last, refuse_at_end };
  enum class Of : uint8_t { request, response };
  BodyPolicy(BlockPool& blocks, Does does, Of of) : blocks_(&blocks), does_(does), of_(of) {}
  std::string_view name() const override { return "body"; }
  std::string describe() const override { return "sees bodies"; }
  policy::Wants wants() const override {
    return {.request_body = of_ == Of::request, .response_body = of_ == Of::response};
  }
  policy::BodyFilter* request_body(policy::Call& call) const override {
    return filter(call, Of::request);
  }
  policy::BodyFilter* response_body(policy::Call& call) const override {
    return filter(call, Of::response);
  }

 private:
  class Filter final : public policy::BodyFilter {
   public:
    Filter(BlockPool& blocks, Does does, Arena& arena)
        : blocks_(&blocks), arena_(&arena), does_(does) {}
    policy::Verdict feed(Chain& bytes, http::End end) override {
      if (does_ == Does::double_bytes) {
        Chain copy = bytes.share();
        bytes.append(std::move(copy));
        return policy::Verdict::pass();
      }
      // What was held goes out now; what came now is held.
      std::string now = bytes.to_string();
      bytes.clear();
      bytes.append_copy(*blocks_, held_);
      held_ = arena_->copy(now);
      if (end == http::End::no) return policy::Verdict::pass();
      if (does_ == Does::refuse_at_end) return policy::Verdict::refuse(kBadBody);
      bytes.append_copy(*blocks_, held_);
      return policy::Verdict::pass();
    }

   private:
    BlockPool* blocks_;
    Arena* arena_;
    Does does_;
    std::string_view held_;
  };
  policy::BodyFilter* filter(policy::Call& call, Of of) const {
    return of == of_ ? call.arena().make<Filter>(*blocks_, does_, call.arena()) : nullptr;
  }
  BlockPool* blocks_;
  Does does_;
  Of of_;
};

}  // namespace sluice::fakes

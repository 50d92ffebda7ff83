// A request as policies see it, without an engine.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "http/h1_parser.h"
#include "policy/policy.h"

namespace sluice::policy {

struct TestCall : Waiter {
  explicit TestCall(std::string_view text) : arena(blocks), head(arena) {
    const http::Problem* problem = http::parse_request_head(arena.copy(text), limits, arena, head);
    EXPECT_EQ(problem, nullptr) << problem->code;
    client.ip = *IpAddress::parse("192.0.2.7");
    call.request_ = &head;
    call.arena_ = &arena;
    call.client_ = &client;
    call.clock_ = &clock;
    call.random_ = &random;
    call.desk_ = &desk;
    call.waiter_ = this;
    call.route_ = "orders";
    call.request_id_ = "id";
    call.scratch_ = scratch;
    call.shard_ = &shard;
  }
  void on_verdict(const Verdict& verdict) override {
    ++verdicts;
    last = verdict.kind();
  }
  /// "Name: value|..." of the fields as they stand.
  std::string fields() const { return text_of(head.fields); }
  static std::string text_of(const http::Fields& fields) {
    std::string out;
    for (const http::Field& field : fields) {
      out +=
          (out.empty() ? "" : "|") + std::string(field.name()) + ": " + std::string(field.value());
    }
    return out;
  }

  BlockPool blocks;
  Arena arena;
  http::Head head;
  http::H1Limits limits;
  Client client;
  FakeClock clock;
  Random random{1};
  ResumeDesk desk;
  void* scratch[8] = {};
  observe::Shard shard;
  Call call;
  int verdicts = 0;
  Verdict::Kind last = Verdict::Kind::pass;
};

}  // namespace sluice::policy

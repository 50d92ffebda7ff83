#include "policy/ask/answer_desk.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::policy {
namespace {

struct Text {
  std::string text;
  size_t bytes() const { return text.size(); }
};
using Desk = AnswerDesk<Text>;

struct Woken : Waiter {
  void on_verdict(const Verdict& verdict) override {
    EXPECT_EQ(verdict.kind(), Verdict::Kind::again);
    ++times;
  }
  int times = 0;
};

TEST(AnswerDesk, tells_questions_apart_by_their_pieces) {
  Desk desk, other;
  EXPECT_EQ(desk.key_of({"a", "b"}), desk.key_of({"a", "b"}));
  EXPECT_NE(desk.key_of({"a", "b"}), desk.key_of({"ab", ""}));
  EXPECT_NE(desk.key_of({"ab"}), desk.key_of({"a", "b"}));
  EXPECT_NE(desk.key_of({"a"}), other.key_of({"a"}));   // each has a key of its own
}

TEST(AnswerDesk, one_asks_and_all_who_wait_are_woken_once) {
  Desk desk;
  ResumeDesk resumes;
  Woken first, second, gone;
  QuestionKey key = desk.key_of({"a"});
  EXPECT_FALSE(desk.asked(key));
  desk.wait(key, {resumes, resumes.issue(first)});
  EXPECT_TRUE(desk.asked(key));
  EXPECT_FALSE(desk.asked(desk.key_of({"b"})));
  desk.wait(key, {resumes, resumes.issue(second)});
  ResumeDesk::Ticket ticket = resumes.issue(gone);
  desk.wait(key, {resumes, ticket});
  resumes.cancel(ticket);
  EXPECT_EQ(desk.open(), 1u);
  desk.keep(key, {{"yes"}, TimePoint(std::chrono::seconds(5))}, 0);
  desk.settle(key);
  desk.settle(key);
  EXPECT_EQ(first.times, 1);
  EXPECT_EQ(second.times, 1);
  EXPECT_EQ(gone.times, 0);
  EXPECT_FALSE(desk.asked(key));
  ASSERT_NE(desk.find(key), nullptr);
  EXPECT_EQ(desk.find(key)->value.text, "yes");
}

TEST(AnswerDesk, a_new_answer_takes_the_place_of_the_old_one) {
  Desk desk;
  QuestionKey key = desk.key_of({"a"});
  desk.keep(key, {{"one"}}, 1 << 20);
  size_t bytes = desk.bytes();
  desk.keep(key, {{"two"}}, 1 << 20);
  EXPECT_EQ(desk.find(key)->value.text, "two");
  EXPECT_EQ(desk.size(), 1u);
  EXPECT_EQ(desk.bytes(), bytes);
  desk.forget(key);
  EXPECT_EQ(desk.find(key), nullptr);
  EXPECT_EQ(desk.bytes(), 0u);
}

TEST(AnswerDesk, what_was_not_asked_for_the_longest_goes_first) {
  Desk desk;
  constexpr size_t kBytesMax = 100'000;
  std::string large(10'000, 'x');
  QuestionKey used = desk.key_of({"used"}), idle = desk.key_of({"idle"});
  desk.keep(used, {{large}}, kBytesMax);
  desk.keep(idle, {{large}}, kBytesMax);
  for (int i = 0; i < 20; ++i) {
    desk.keep(desk.key_of({std::to_string(i)}), {{large}}, kBytesMax);
    ASSERT_NE(desk.find(used), nullptr) << i;
    EXPECT_LE(desk.bytes(), kBytesMax);
  }
  EXPECT_EQ(desk.find(idle), nullptr);
  EXPECT_NE(desk.find(desk.key_of({"19"})), nullptr);
  desk.forget_all();
  EXPECT_EQ(desk.size(), 0u);
  EXPECT_EQ(desk.bytes(), 0u);
}

}  // namespace
}  // namespace sluice::policy

#include "control/reload.h"

#include "unit/control/control_world.h"

namespace sluice::control {
namespace {

using Events = std::vector<std::string>;
using Faults = std::vector<std::string>;

class Part final : public Participant {
 public:
  Part(ControlWorld& world, std::string name) : world_(&world), name_(std::move(name)) {
    world.reload().add_participant(*this);
  }
  Result<void, Faults> prepare(const snapshot::Snapshot&) override {
    note("prepares");
    if (!refuses) return {};
    return Faults{name_ + ": no"};
  }
  void abandon() override { note("abandons"); }
  void commit(Worker::Publication&) override { note("commits"); }
  bool refuses = false;

 private:
  void note(const char* what) { world_->events.push_back(name_ + " " + what); }
  ControlWorld* world_;
  std::string name_;
};

class Asker final : public Reload::Waiter {
 public:
  ~Asker() { stop_waiting(); }
  void on_reloaded(const ReloadReport& report) override {
    ++answers;
    result = report.result;
    text = report.text;
  }
  int answers = 0;
  ReloadResult result = ReloadResult::refused;
  std::string text;
};

class ReloadTest : public testing::Test {
 protected:
  /// In force, with nothing heard yet.
  void start() {
    ASSERT_TRUE(world_.start(text("one")));
    world_.events.clear();
  }
  std::string text(const std::string& body, const std::string& more = "") const {
    return text_with(2, listen_on(port_) + more + "[route.r]\nmatch = { path = \"/\" }\nrespond = { status = 200, body = \"" +
                            body + "\" }\n");
  }
  /// Asks for a reload of this text and waits for the answer.
  Asker& reload(const std::string& text) {
    world_.write(text);
    Asker& asker = *askers_.emplace_back(std::make_unique<Asker>());
    world_.request(&asker);
    EXPECT_TRUE(world_.until([&] { return asker.answers > 0; }));
    return asker;
  }

  uint16_t port_ = free_port();
  ControlWorld world_;
  Part logs_{world_, "logs"};
  Part admin_{world_, "admin"};
  std::vector<std::unique_ptr<Asker>> askers_;
};

TEST_F(ReloadTest, the_first_configuration_takes_the_same_way_but_for_the_reading) {
  ASSERT_TRUE(world_.start(text("one")));
  EXPECT_EQ(world_.events, (Events{"logs prepares", "admin prepares", "logs commits", "admin commits",
                                   "published", "applied"}));
  EXPECT_EQ(world_.acknowledged, 2U);
  EXPECT_TRUE(Socket().connect(port_));
}

TEST_F(ReloadTest, a_changed_file_is_applied_when_every_worker_has_said_so) {
  start();
  Asker& asker = reload(text("two"));
  EXPECT_EQ(asker.result, ReloadResult::applied);
  EXPECT_EQ(asker.text.find("applied: configuration "), 0U) << asker.text;
  EXPECT_EQ(world_.events, (Events{"begun", "logs prepares", "admin prepares", "logs commits",
                                   "admin commits", "published", "applied"}));
  EXPECT_EQ(world_.acknowledged, 4U);
}

TEST_F(ReloadTest, an_unchanged_file_asks_for_new_contents_of_its_files_and_nothing_else) {
  start();
  Asker& asker = reload("# another comment\n" + text("one"));
  EXPECT_EQ(asker.result, ReloadResult::unchanged);
  EXPECT_EQ(world_.events, (Events{"begun", "read files", "unchanged"}));
  EXPECT_EQ(world_.acknowledged, 2U);   // of the start
}

TEST_F(ReloadTest, new_secrets_are_told_of) {
  start();
  EXPECT_EQ(reload(text("one")).text.find("with new secrets"), std::string::npos);
  world_.secrets = true;
  EXPECT_NE(reload(text("one")).text.find(" stays in force, with new secrets, from "), std::string::npos);
}

TEST_F(ReloadTest, a_file_with_errors_reaches_nobody) {
  start();
  Asker& asker = reload(text("two", "colour = 1\n"));
  EXPECT_EQ(asker.result, ReloadResult::refused);
  EXPECT_NE(asker.text.find("unknown key \"colour\""), std::string::npos) << asker.text;
  EXPECT_EQ(world_.events, (Events{"begun", "refused"}));
  EXPECT_EQ(reload(text("two")).result, ReloadResult::applied);   // and the next one may be good
}

TEST_F(ReloadTest, all_faults_are_told_and_what_was_prepared_is_given_up) {
  start();
  uint16_t other = free_port(), taken = free_port();
  Socket holder;
  ASSERT_TRUE(holder.listen(taken));
  admin_.refuses = true;
  Asker& asker = reload(text("two", listen_on(other, "b") + listen_on(taken, "c")));
  EXPECT_EQ(asker.text, "error: listen.c: cannot listen on 127.0.0.1:" + std::to_string(taken) +
                            ": another process is listening there\nerror: admin: no\n");
  EXPECT_EQ(world_.events,
            (Events{"begun", "logs prepares", "admin prepares", "logs abandons", "refused"}));
  EXPECT_TRUE(Socket().bind(other));
  world_.events.clear();
  reload(text("two", listen_on(other, "b")));   // the sockets are good, admin still is not
  EXPECT_EQ(world_.events,
            (Events{"begun", "logs prepares", "admin prepares", "logs abandons", "refused"}));
  EXPECT_TRUE(Socket().bind(other));
  EXPECT_EQ(world_.acknowledged, 2U);
  EXPECT_TRUE(Socket().connect(port_));
}

TEST_F(ReloadTest, what_is_asked_for_meanwhile_is_answered_by_one_more_after_it) {
  start();
  Asker first, second, third;
  world_.write(text("two"));
  world_.request(&first);
  world_.request(&second);
  world_.request(&third);
  ASSERT_TRUE(world_.until([&] { return third.answers > 0; }));
  EXPECT_EQ(first.result, ReloadResult::applied);
  EXPECT_EQ(second.result, ReloadResult::unchanged);
  EXPECT_EQ(third.text, second.text);
  EXPECT_EQ(std::count(world_.events.begin(), world_.events.end(), "begun"), 2);
  EXPECT_EQ(first.answers + second.answers + third.answers, 3);
}

TEST_F(ReloadTest, who_asks_again_while_being_told_waits_for_the_next) {
  class Persistent final : public Reload::Waiter {
   public:
    explicit Persistent(Reload& reload) : reload_(&reload) {}
    ~Persistent() { stop_waiting(); }
    void on_reloaded(const ReloadReport&) override {
      if (++answers < 3) reload_->request(this);
    }
    int answers = 0;

   private:
    Reload* reload_;
  };
  start();
  Persistent one(world_.reload()), other(world_.reload());
  world_.write(text("two"));
  world_.request(&one);
  world_.request(&other);
  ASSERT_TRUE(world_.until([&] { return one.answers == 3 && other.answers == 3; }));
  EXPECT_FALSE(world_.reload().running());
}

TEST_F(ReloadTest, who_asked_and_went_is_not_answered) {
  start();
  world_.write(text("two"));
  {
    Asker gone;
    world_.request(&gone);
  }
  Asker stays;
  world_.request(&stays);
  ASSERT_TRUE(world_.until([&] { return stays.answers > 0; }));
  EXPECT_EQ(stays.result, ReloadResult::unchanged);   // the one of who went was done all the same
}

TEST_F(ReloadTest, what_is_asked_for_before_anything_is_in_force_waits_for_that) {
  Asker early;
  world_.write(text("two"));
  world_.request(&early);
  EXPECT_EQ(early.answers, 0);
  ASSERT_TRUE(world_.start(text("one")));
  ASSERT_TRUE(world_.until([&] { return early.answers > 0; }));
  EXPECT_EQ(early.result, ReloadResult::unchanged);   // start() wrote its own text
}

TEST_F(ReloadTest, cancelled_while_the_file_is_read_it_refuses_all_who_wait) {
  start();
  Asker first, second;
  world_.write(text("two"));
  world_.request(&first);
  world_.request(&second);
  world_.reload().cancel();
  ASSERT_TRUE(world_.until([&] { return second.answers > 0; }));
  for (Asker* asker : {&first, &second}) {
    EXPECT_EQ(asker->result, ReloadResult::refused);
    EXPECT_EQ(asker->text, "error: sluice is stopping\n");
  }
  EXPECT_EQ(world_.events, (Events{"begun", "refused"}));
}

TEST_F(ReloadTest, cancelled_while_names_are_looked_up_it_gives_up_what_was_prepared) {
  start();
  uint16_t other = free_port();
  Asker asker;
  world_.write(text("two", listen_on(other, "b") +
                               "[upstream.u]\nservers = [\"name.that.nobody.has.invalid:1\"]\n"));
  world_.request(&asker);
  auto prepared = [&] { return !world_.events.empty() && world_.events.back() == "admin prepares"; };
  ASSERT_TRUE(world_.until([&] { return prepared() || asker.answers > 0; }));
  if (asker.answers > 0) GTEST_SKIP() << "the name was answered at once";
  world_.reload().cancel();
  EXPECT_EQ(asker.result, ReloadResult::refused);
  EXPECT_EQ(world_.events, (Events{"begun", "logs prepares", "admin prepares", "logs abandons",
                                   "admin abandons", "refused"}));
  EXPECT_TRUE(Socket().bind(other));
}

}  // namespace
}  // namespace sluice::control

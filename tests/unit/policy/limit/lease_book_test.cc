#include "policy/limit/lease_book.h"

#include <gtest/gtest.h>

#include <deque>
#include <list>
#include <map>
#include <vector>

#include "base/hash.h"

namespace sluice::policy {
namespace {

using namespace std::chrono_literals;
using Outcome = LeaseBook::Outcome;

// A count far away: answers after `delay`, or never, or says that it is away.
struct FarStore final : LimitStore {
  explicit FarStore(const LimitRule& limit, FakeClock& time) : rule(limit), clock(time) {}

  bool ask(std::string_view name, Wanted wanted, uint64_t tag, Taker& taker, std::shared_ptr<const void> keep) override {
    ++asked;
    if (gone) return false;
    under_way.push_back({clock.now() + delay, std::string(name), wanted, tag, &taker, std::move(keep)});
    return true;
  }
  void answer_due() {
    while (!under_way.empty() && under_way.front().at <= clock.now()) {
      Under one = std::move(under_way.front());
      under_way.pop_front();
      Grant grant;
      grant.away = fails;
      if (!fails) grant = give(one.name, one.wanted);
      granted += grant.granted;
      one.taker->on_grant(one.tag, grant);
    }
  }
  Grant give(const std::string& name, Wanted wanted) {
    uint64_t& word = words[name];
    uint64_t now = limit_time(clock.now());
    uint64_t there = charge(rule, word, now, 1, Charge::look).standing.remaining;
    Grant grant;
    grant.granted = there < wanted.least ? 0 : std::min(there, wanted.most);
    Standing after = charge(rule, word, now, 1, Charge::look).standing;
    if (grant.granted > 0) {
      Charged charged = charge(rule, word, now, grant.granted, Charge::take);
      word = charged.word;
      after = charged.standing;
    }
    grant.remaining = after.remaining;
    grant.retry = after.remaining > 0 ? Duration::zero() : after.more;
    grant.whole = after.whole;
    return grant;
  }

  struct Under {
    TimePoint at;
    std::string name;
    Wanted wanted;
    uint64_t tag;
    Taker* taker;
    std::shared_ptr<const void> keep;
  };
  LimitRule rule;
  FakeClock& clock;
  Duration delay = 2ms;
  bool gone = false, fails = false;
  uint64_t asked = 0, granted = 0;
  std::deque<Under> under_way;
  std::map<std::string, uint64_t> words;
};

Hash128 key_of(uint64_t number) { return {number, number}; }

struct World : Waiter {
  explicit World(const LimitRule& rule, LeaseMode mode = LeaseMode::leased)
      : shared(std::make_shared<FarStore>(rule, clock)), store(*shared),
        book(std::make_shared<LeaseBook>(rule, mode, shared)) {}
  ~World() { store.under_way.clear(); }   // what is never answered holds the book, which holds the store
  void on_verdict(const Verdict& verdict) override {
    EXPECT_EQ(verdict.kind(), Verdict::Kind::again);
    ++told;
  }
  LeaseBook::Waiting& ask(uint64_t key = 1, uint64_t cost = 1) {
    LeaseBook::Waiting& waiting = waitings.emplace_back();
    waiting.cost = cost;
    waiting.resume = Resume(desk, desk.issue(*this));
    book->spend(key_of(key), "key" + std::to_string(key), waiting, clock);
    return waiting;
  }
  void pass(Duration time) {
    clock.advance(time);
    store.answer_due();
  }

  FakeClock clock;
  std::shared_ptr<FarStore> shared;
  FarStore& store;
  std::shared_ptr<LeaseBook> book;
  ResumeDesk desk;
  std::list<LeaseBook::Waiting> waitings;
  int told = 0;
};

TEST(LeaseBook, parks_until_the_store_has_answered_and_then_decides_by_itself) {
  World world(LimitRule::gcra(1'000, 1s, 100));
  auto& first = world.ask();
  auto& second = world.ask();
  EXPECT_EQ(first.outcome, Outcome::parked);
  EXPECT_EQ(second.outcome, Outcome::parked);
  EXPECT_EQ(world.store.asked, 1u);
  world.pass(2ms);
  EXPECT_EQ(first.outcome, Outcome::allowed);
  EXPECT_EQ(second.outcome, Outcome::allowed);
  EXPECT_EQ(world.told, 2);
  EXPECT_EQ(first.standing.remaining, 99u);
  EXPECT_EQ(second.standing.remaining, 98u);
  EXPECT_EQ(world.store.granted, 4u);
}

TEST(LeaseBook, a_busy_key_is_asked_for_seldom_and_an_idle_one_is_not_hoarded) {
  World world(LimitRule::gcra(1'000, 1s, 200));
  for (int i = 0; i < 2'000; ++i) {
    Outcome outcome = world.ask().outcome;
    EXPECT_TRUE(i < 200 || outcome == Outcome::allowed) << i;   // more is asked for at half: nobody waits
    world.pass(1ms);
  }
  EXPECT_LE(world.store.asked, 130u);   // 2 s of the whole rate: one in 25 ms, after the first few
  for (int i = 0; i < 10; ++i) {
    world.pass(250ms);
    world.ask();
    world.pass(2ms);
  }
  uint64_t granted = world.store.granted;
  for (int i = 0; i < 8; ++i) {
    world.pass(250ms);
    world.ask();
    world.pass(2ms);
  }
  EXPECT_LE(world.store.granted - granted, 10u);
}

TEST(LeaseBook, remembers_that_there_is_nothing_until_there_is) {
  World world(LimitRule::gcra(10, 1s, 5));
  for (int i = 0; i < 8; ++i) world.ask();
  world.pass(2ms);
  world.pass(2ms);
  int allowed = 0, refused = 0;
  for (const auto& waiting : world.waitings) {
    allowed += waiting.outcome == Outcome::allowed;
    refused += waiting.outcome == Outcome::refused;
  }
  EXPECT_EQ(allowed, 5);
  EXPECT_EQ(refused, 3);
  uint64_t asked = world.store.asked;
  auto& more = world.ask();
  EXPECT_EQ(more.outcome, Outcome::refused);
  EXPECT_GT(more.standing.retry, 90ms);
  EXPECT_LE(more.standing.retry, 100ms);
  EXPECT_EQ(world.store.asked, asked);
  world.pass(100ms);
  EXPECT_EQ(world.ask().outcome, Outcome::parked);
  world.pass(2ms);
  EXPECT_EQ(world.waitings.back().outcome, Outcome::allowed);
}

// What is refused is told when there is more, not when all is back: of a sliding window that is up to two windows away.
TEST(LeaseBook, a_sliding_window_says_when_it_has_more) {
  for (LeaseMode mode : {LeaseMode::leased, LeaseMode::exact}) {
    World world(LimitRule::sliding(5, 10s), mode);
    for (int i = 0; i < 6; ++i) world.ask();
    for (int i = 0; i < 3; ++i) world.pass(2ms);
    EXPECT_EQ(world.waitings.back().outcome, Outcome::refused);
    Standing refused = world.ask().standing;
    EXPECT_EQ(refused.more, refused.retry);
    EXPECT_GT(refused.whole, refused.retry + 7s);   // five go out of sight evenly, in one window
    world.pass(refused.retry - 10ms);
    EXPECT_EQ(world.ask().outcome, Outcome::refused);
    world.pass(10ms);
    auto& next = world.ask();
    world.pass(2ms);
    EXPECT_EQ(next.outcome, Outcome::allowed);
    EXPECT_LE(next.standing.more, next.standing.whole);
    world.pass(next.standing.whole + 1ms);
    Standing later = world.ask().standing;
    EXPECT_GE(later.more, 0s);
    world.pass(2ms);
  }
}

TEST(LeaseBook, what_is_not_spent_in_time_is_lost) {
  World world(LimitRule::gcra(1'000, 1s, 100));
  for (int i = 0; i < 10; ++i) world.ask();
  world.pass(2ms);   // four
  for (auto& waiting : world.waitings) world.book->leave(waiting);
  world.pass(2ms);   // asked for at 2 ms: six, which nobody waits for any more
  world.pass(kLeaseLife - 3ms);
  EXPECT_EQ(world.ask().outcome, Outcome::allowed);
  world.pass(1ms);
  EXPECT_EQ(world.ask().outcome, Outcome::parked);
  world.pass(2ms);
}

TEST(LeaseBook, says_that_the_store_is_away_and_leaves_it_alone_for_a_while) {
  World world(LimitRule::gcra(1'000, 1s, 100));
  world.store.gone = true;
  EXPECT_EQ(world.ask().outcome, Outcome::away);
  EXPECT_EQ(world.ask().outcome, Outcome::away);
  EXPECT_EQ(world.store.asked, 1u);
  world.pass(kAwayGap);
  world.store.gone = false;
  world.store.fails = true;
  auto& parked = world.ask();
  EXPECT_EQ(parked.outcome, Outcome::parked);
  world.pass(2ms);
  EXPECT_EQ(parked.outcome, Outcome::away);
  world.store.fails = false;
  world.pass(kAwayGap);
  auto& back = world.ask();
  world.pass(2ms);
  EXPECT_EQ(back.outcome, Outcome::allowed);
}

TEST(LeaseBook, who_goes_away_is_not_told) {
  World world(LimitRule::gcra(100, 1s, 2));
  auto& first = world.ask();
  auto& second = world.ask();
  auto& third = world.ask();
  world.book->leave(second);
  world.pass(2ms);
  world.pass(2ms);
  EXPECT_EQ(first.outcome, Outcome::allowed);
  EXPECT_EQ(third.outcome, Outcome::allowed);
  EXPECT_EQ(second.outcome, Outcome::parked);
  auto& last = world.ask();
  world.book->leave(last);
  auto& after = world.ask();
  world.book->leave(after);
  world.pass(100ms);
}

TEST(LeaseBook, exact_asks_for_each_and_keeps_nothing) {
  World world(LimitRule::gcra(1'000, 1s, 50), LeaseMode::exact);
  for (int i = 0; i < 20; ++i) {
    auto& one = world.ask();
    EXPECT_EQ(one.outcome, Outcome::parked);
    world.pass(2ms);
    EXPECT_EQ(one.outcome, Outcome::allowed);
  }
  EXPECT_EQ(world.store.granted, 20u);
}

TEST(LeaseBook, keys_are_bounded) {
  World world(LimitRule::gcra(10, 1s, 5));
  world.store.delay = 0ms;
  for (uint64_t key = 0; key < 2 * kLeasesMax; ++key) {
    auto& one = world.ask(key);
    world.store.answer_due();
    EXPECT_EQ(one.outcome, Outcome::allowed);
    world.waitings.clear();
  }
  EXPECT_EQ(world.book->size(), kLeasesMax);
  world.store.delay = 1h;   // none of these can be let go
  for (uint64_t key = 0; key < kLeasesMax; ++key) EXPECT_EQ(world.ask(1'000'000 + key).outcome, Outcome::parked);
  EXPECT_EQ(world.ask(5'000'000).outcome, Outcome::away);
  for (auto& waiting : world.waitings) world.book->leave(waiting);
}

TEST(LeaseBook, what_is_given_back_is_spent_by_the_next) {
  World world(LimitRule::gcra(1'000, 1s, 100));
  world.ask();
  world.pass(2ms);
  ASSERT_EQ(world.store.granted, kAheadFirst);   // of which one is spent
  world.book->give_back(key_of(1), 1);
  world.book->give_back(key_of(99), 1);          // not known: nothing
  for (uint64_t i = 0; i < kAheadFirst; ++i) EXPECT_EQ(world.ask().outcome, Outcome::allowed) << i;
  EXPECT_EQ(world.ask().outcome, Outcome::parked);
  world.book->leave(world.waitings.back());
}

// Otherwise who comes again too soon for a cost of several would take what comes in meanwhile, and never get through.
TEST(LeaseBook, what_costs_more_than_there_is_takes_nothing) {
  for (LeaseMode mode : {LeaseMode::leased, LeaseMode::exact}) {
    World world(LimitRule::gcra(10, 1h, 5), mode);
    auto ask = [&](uint64_t cost) {
      auto& waiting = world.ask(1, cost);
      world.pass(30ms);
      return waiting;
    };
    EXPECT_EQ(ask(3).outcome, Outcome::allowed);
    LeaseBook::Waiting refused = ask(3);
    EXPECT_EQ(refused.outcome, Outcome::refused);
    EXPECT_GT(refused.standing.retry, 300s);   // one more in an hour's tenth
    EXPECT_LE(refused.standing.retry, 360s);
    EXPECT_EQ(ask(2).outcome, Outcome::allowed);
    for (int i = 0; i < 17; ++i) {
      EXPECT_EQ(ask(3).outcome, Outcome::refused) << i;
      world.pass(60s);
    }
    world.pass(120s);
    EXPECT_EQ(ask(3).outcome, Outcome::allowed);
  }
}

TEST(LeaseBook, a_cheap_one_behind_one_that_costs_too_much_gets_through) {
  World world(LimitRule::gcra(10, 1h, 5), LeaseMode::exact);
  world.ask(1, 3);
  world.pass(2ms);
  auto& dear = world.ask(1, 3);
  auto& cheap = world.ask(1, 1);
  world.pass(2ms);
  world.pass(2ms);
  EXPECT_EQ(dear.outcome, Outcome::refused);
  EXPECT_EQ(cheap.outcome, Outcome::allowed);
}

TEST(LeaseBook, tells_what_is_left_of_a_cost_of_several) {
  World world(LimitRule::gcra(1, 1h, 5));
  auto& waiting = world.ask(1, 3);
  world.pass(2ms);
  EXPECT_EQ(waiting.outcome, Outcome::allowed);
  EXPECT_EQ(waiting.standing.remaining, 2u);
  auto& second = world.ask(1, 3);
  world.pass(2ms);
  EXPECT_EQ(second.outcome, Outcome::refused);
}

// Eight workers, even and skewed load, over and under the limit.
TEST(LeaseBook, workers_together_keep_the_bound_and_use_the_rate) {
  struct Case { uint64_t rate; uint64_t burst; double load; bool skewed; LeaseMode mode; LimitKind kind = LimitKind::gcra; };
  for (const Case& c : {Case{10, 10, 8, false, LeaseMode::leased}, Case{10, 10, 8, true, LeaseMode::leased},
                        Case{100, 100, 8, true, LeaseMode::leased}, Case{1'000, 100, 4, false, LeaseMode::leased},
                        Case{1'000, 100, 4, true, LeaseMode::leased}, Case{1'000, 100, 0.8, true, LeaseMode::leased},
                        Case{1'000, 100, 4, true, LeaseMode::exact},
                        Case{100, 100, 8, true, LeaseMode::leased, LimitKind::sliding},
                        Case{1'000, 1'000, 4, false, LeaseMode::leased, LimitKind::sliding},
                        Case{1'000, 1'000, 4, true, LeaseMode::exact, LimitKind::sliding}}) {
    LimitRule rule = c.kind == LimitKind::gcra ? LimitRule::gcra(c.rate, 1s, c.burst) : LimitRule::sliding(c.rate, 1s);
    World world(rule, c.mode);
    std::vector<std::shared_ptr<LeaseBook>> books;
    for (int i = 0; i < 8; ++i) books.push_back(std::make_shared<LeaseBook>(rule, c.mode, world.shared));
    Random random(c.rate);
    struct Parked { LeaseBook::Waiting waiting; };
    std::list<LeaseBook::Waiting> parked;
    std::vector<TimePoint> admitted;
    TimePoint start = world.clock.now();
    uint64_t asked = 0;
    for (int step = 0; step < 20'000; ++step) {   // 10 s in steps of 0.5 ms
      double expected = static_cast<double>(c.rate) * c.load / 2'000;
      auto arrivals = static_cast<uint64_t>(expected) +
                      (static_cast<double>(random.below(1'000'000)) < (expected - static_cast<double>(static_cast<uint64_t>(expected))) * 1e6 ? 1 : 0);
      for (uint64_t i = 0; i < arrivals; ++i) {
        size_t worker = c.skewed && random.below(10) < 9 ? 0 : random.below(8);
        auto& waiting = parked.emplace_back();
        waiting.resume = Resume(world.desk, world.desk.issue(world));
        ++asked;
        Outcome outcome = books[worker]->spend(key_of(1), "key", waiting, world.clock);
        ASSERT_NE(outcome, Outcome::away);
      }
      for (auto one = parked.begin(); one != parked.end();) {
        if (one->outcome == Outcome::allowed) admitted.push_back(world.clock.now());
        one = one->outcome == Outcome::parked ? std::next(one) : parked.erase(one);
      }
      world.pass(500us);
    }
    for (auto& book : books) {
      for (auto& one : parked) {
        if (one.outcome == Outcome::parked) book->leave(one);
      }
    }
    Duration extra = c.mode == LeaseMode::exact ? Duration(4ms) : kLeaseLife;
    double rate = static_cast<double>(c.rate) / 1e9;
    for (size_t i = 0; i < admitted.size(); i += 1 + admitted.size() / 500) {
      for (size_t j = i; j < admitted.size(); j += 1 + admitted.size() / 500) {
        double most = static_cast<double>(c.burst) + rate * static_cast<double>((admitted[j] - admitted[i] + extra).count());
        ASSERT_LE(static_cast<double>(j - i + 1), most + 1) << c.rate;
      }
    }
    double allowed = std::min(static_cast<double>(asked), rate * static_cast<double>((world.clock.now() - start).count()));
    double least = c.kind == LimitKind::gcra ? 0.99 : 0.97;   // a window has no burst that makes up for leases that were lost
    EXPECT_GE(static_cast<double>(admitted.size()), least * allowed) << c.rate << " " << c.skewed << " " << c.load;
    double calls = static_cast<double>(world.store.asked) / 10;
    EXPECT_LE(calls, c.mode == LeaseMode::exact ? 3'000 : 500) << c.rate;
  }
}

// C6: a store 50 ms away, one worker or eight.
TEST(LeaseBook, a_slow_store_does_not_slow_who_stays_below_the_limit) {
  struct Case { uint64_t burst; double load; size_t workers; Duration delay; };
  for (const Case& c : {Case{1'000, 0.9, 1, 50ms}, Case{1'000, 0.9, 8, 50ms}, Case{1'000, 0.1, 1, 50ms}, Case{1'000, 0.9, 1, 75ms},
                        Case{200, 0.8, 1, 50ms}, Case{200, 0.8, 8, 50ms}}) {
    LimitRule rule = LimitRule::gcra(1'000, 1s, c.burst);
    World world(rule);
    world.store.delay = c.delay;
    std::vector<std::shared_ptr<LeaseBook>> books;
    for (size_t i = 0; i < c.workers; ++i) books.push_back(std::make_shared<LeaseBook>(rule, LeaseMode::leased, world.shared));
    Random random(c.burst);
    std::list<LeaseBook::Waiting> waitings;
    uint64_t seen = 0, parked = 0, refused = 0;
    for (int step = 0; step < 20'000; ++step) {   // 10 s in steps of 0.5 ms
      world.pass(500us);
      if (static_cast<double>(random.below(1'000'000)) >= c.load * 0.5e6) continue;
      auto& waiting = waitings.emplace_back();
      waiting.resume = Resume(world.desk, world.desk.issue(world));
      Outcome outcome = books[random.below(c.workers)]->spend(key_of(1), "key", waiting, world.clock);
      if (step < 4'000) continue;   // until it is known how busy the key is, and how far the store
      ++seen;
      parked += outcome == Outcome::parked;
    }
    world.pass(c.delay);
    world.pass(c.delay);
    for (auto& one : waitings) refused += one.outcome == Outcome::refused;
    EXPECT_EQ(refused, 0u) << c.burst << " " << c.load << " " << c.workers;
    EXPECT_LE(static_cast<double>(parked), 0.015 * static_cast<double>(seen)) << c.burst << " " << c.load << " " << c.workers;
  }
}

}  // namespace
}  // namespace sluice::policy

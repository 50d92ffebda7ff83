// An Upstream whose endpoints do what a test tells them: lend a pooled stream, connect later, or
// fail.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "fakes/stream.h"
#include "upstream/upstream.h"

namespace sluice::fakes {

/// One request's stream at an endpoint, with the events that it feeds.
struct UpstreamSide {
  FakeStream stream;
  http::StreamEvents* events = nullptr;
  std::string endpoint;
};

class FakeUpstream final : public upstream::Upstream {
 public:
  explicit FakeUpstream(size_t endpoints = 2) {
    for (size_t i = 0; i < endpoints; ++i)
      sites_.push_back(std::make_unique<Site>("e" + std::to_string(i)));
  }
  ~FakeUpstream() override {
    for (const auto& site : sites_)
      EXPECT_EQ(site->in_flight, 0) << site->name() << " was not released";
    EXPECT_EQ(waiting_, nullptr) << "somebody still waits for a connection";
  }

  // upstream::Upstream
  upstream::Endpoint* pick(const upstream::Tried& tried) override {
    if (lack_ != upstream::Lack::none) return nullptr;
    for (auto& site : sites_) {
      if (tried.has(*site)) continue;
      ++site->in_flight;
      ++picks;
      return site.get();
    }
    return nullptr;
  }
  http::Stream* open(upstream::Endpoint& endpoint, upstream::Reuse reuse,
                     upstream::Opening& opening) override {
    reuses.push_back(reuse);
    if (pooled && reuse != upstream::Reuse::never) return &side_for(endpoint, opening).stream;
    EXPECT_EQ(waiting_, nullptr);
    waiting_ = &opening;
    waits_for_ = &endpoint;
    return nullptr;
  }
  void cancel(upstream::Opening& opening) override {
    EXPECT_EQ(waiting_, &opening);
    waiting_ = nullptr;
    ++cancels;
  }
  void release(upstream::Endpoint& endpoint, upstream::Outcome outcome) override {
    auto& site = static_cast<Site&>(endpoint);
    --site.in_flight;
    EXPECT_GE(site.in_flight, 0) << "released twice";
    outcomes.push_back(outcome);
  }
  upstream::Lack lack() const override {
    return lack_ == upstream::Lack::none ? upstream::Lack::down : lack_;
  }

  // What a test tells it
  void set_lack(upstream::Lack lack) { lack_ = lack; }
  bool waits() const { return waiting_ != nullptr; }
  /// The connection that somebody waits for is there.
  void connect() {
    upstream::Opening* opening = std::exchange(waiting_, nullptr);
    opening->on_opened(side_for(*waits_for_, *opening).stream);
  }
  void refuse(Code code) {
    upstream::Opening* opening = std::exchange(waiting_, nullptr);
    opening->on_open_failed(Error{code, Side::upstream, Progress::unsent, "fake"});
  }
  UpstreamSide& last() { return sides.back(); }

  bool pooled = false;  // open() lends a stream at once
  int picks = 0;
  int cancels = 0;
  std::vector<upstream::Reuse> reuses;
  std::vector<upstream::Outcome> outcomes;  // of every release
  std::deque<UpstreamSide> sides;           // every stream that was opened

 private:
  struct Site final : upstream::Endpoint {
    explicit Site(std::string name) : Endpoint(std::move(name)) {}
    int in_flight = 0;
  };
  UpstreamSide& side_for(upstream::Endpoint& endpoint, upstream::Opening& opening) {
    UpstreamSide& side = sides.emplace_back();
    side.events = &opening.stream_events();
    side.endpoint = endpoint.name();
    return side;
  }

  std::vector<std::unique_ptr<Site>> sites_;
  upstream::Lack lack_ = upstream::Lack::none;
  upstream::Opening* waiting_ = nullptr;
  upstream::Endpoint* waits_for_ = nullptr;
};

}  // namespace sluice::fakes

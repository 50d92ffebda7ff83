#include "upstream/fetch_keep.h"

#include "upstream/fetch_session.h"

namespace sluice::upstream {

FetchPlace FetchPlace::of(const FetchRequest& request) {
  FetchPlace place{request.url.host, request.url.port, request.address, nullptr, {}};
  if (request.url.scheme != http::Scheme::https) return place;
  place.tls = request.tls;
  place.server_name = request.server_name;
  return place;
}

FetchKeep::FetchKeep(Loop& loop, const FetchKeepLimits& limits) : loop_(&loop), limits_(limits) {}

FetchKeep::~FetchKeep() { close(); }

void FetchKeep::limit(size_t idle) {
  LoopTurn turn(*loop_);
  limits_.idle = idle;
  while (count_ > idle) end(idle_.back());
}

void FetchKeep::close() {
  LoopTurn turn(*loop_);
  while (!idle_.empty()) end(idle_.back());
}

Fetch::Session* FetchKeep::take(const FetchPlace& place) {
  Fetch::Session* found = nullptr;
  idle_.each([&](Fetch::Session& session) {
    if (found != nullptr || session.place() != place) return;
    if (!session.usable()) return end(session);
    remove(session);
    found = &session;
  });
  return found;
}

void FetchKeep::add(Fetch::Session& session) {
  idle_.push_front(session);
  session.idle_in(this);
  ++count_;
  end_oldest_to(session.place());
  if (count_ > limits_.idle) end(idle_.back());
}

void FetchKeep::end_oldest_to(const FetchPlace& place) {
  Fetch::Session* oldest = nullptr;
  size_t count = 0;
  idle_.each([&](Fetch::Session& session) {
    if (session.place() != place) return;
    oldest = &session;
    ++count;
  });
  if (count > limits_.idle_to_one) end(*oldest);
}

void FetchKeep::remove(Fetch::Session& session) {
  static_cast<ListHook<FetchIdleTag>&>(session).unlink();
  session.idle_in(nullptr);
  --count_;
}

void FetchKeep::end(Fetch::Session& session) {
  remove(session);
  session.end();
}

void FetchKeep::forget(const FetchPlace& place) {
  idle_.each([&](Fetch::Session& session) {
    if (session.place() == place) end(session);
  });
}

}  // namespace sluice::upstream

#include "upstream/fetcher.h"

#include <utility>

namespace sluice::upstream {

class Fetcher::Running final : public Fetch::Waiter {
 public:
  Running(Fetcher& fetcher, const FetchParts& parts, std::shared_ptr<Asker> asker, uint64_t tag)
      : fetcher_(&fetcher), fetch_(parts), asker_(std::move(asker)), tag_(tag) {}

  void start(FetchRequest request) { fetch_.start(std::move(request), *this); }
  void on_fetched(Result<FetchResponse, std::string> result) override {
    std::shared_ptr<Asker> asker = std::move(asker_);
    uint64_t tag = tag_;
    unsigned connections = fetch_.connections();
    fetcher_->end(*this);   // this is gone
    asker->on_answer(tag, std::move(result), connections);
  }

  size_t index = 0;   // in running_

 private:
  Fetcher* fetcher_;
  Fetch fetch_;
  std::shared_ptr<Asker> asker_;
  uint64_t tag_;
};

Fetcher::Fetcher(Loop& loop, net::TlsIo& tls_io, net::LazyResolver& resolver)
    : loop_(&loop), tls_io_(&tls_io), resolver_(&resolver), keep_(loop) {}

Fetcher::~Fetcher() = default;

bool Fetcher::start(FetchRequest request, std::shared_ptr<Asker> asker, uint64_t tag) {
  net::Resolver* resolver = resolver_->get();
  if (resolver == nullptr) return false;
  FetchParts parts{*loop_, *resolver, *tls_io_, &keep_};
  running_.push_back(std::make_unique<Running>(*this, parts, std::move(asker), tag));
  running_.back()->index = running_.size() - 1;
  running_.back()->start(std::move(request));
  return true;
}

void Fetcher::stop() {
  running_.clear();
  keep_.drain();
}

void Fetcher::end(Running& running) {
  std::unique_ptr<Running> ended = std::move(running_[running.index]);
  if (running.index + 1 < running_.size()) {
    running_[running.index] = std::move(running_.back());
    running_[running.index]->index = running.index;
  }
  running_.pop_back();
}

}  // namespace sluice::upstream

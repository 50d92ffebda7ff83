// A worker's own requests to services that its policies ask: any number of Fetches, whose askers may be gone from the
// configuration before the answer comes, and the connections that they keep.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "net/lazy_resolver.h"
#include "upstream/fetch.h"
#include "upstream/fetch_keep.h"

namespace sluice::upstream {

class Fetcher {
 public:
  class Asker {
   public:
    virtual ~Asker() = default;
    /// Once for each start() that gave true, never inside it. `tag`: as given there. `connections` were opened for it.
    virtual void on_answer(uint64_t tag, Result<FetchResponse, std::string> answer, unsigned connections) = 0;
  };

  Fetcher(Loop& loop, net::TlsIo& tls_io, net::LazyResolver& resolver);
  Fetcher(const Fetcher&) = delete;
  ~Fetcher();

  /// Whoever asks bounds the number. `asker` is held until it has its answer.
  /// gives: false when nothing can be asked at all; a line in the log says why
  bool start(FetchRequest request, std::shared_ptr<Asker> asker, uint64_t tag);
  size_t under_way() const { return running_.size(); }
  /// Connections that wait for another question.
  FetchKeep& keep() { return keep_; }
  /// Nobody is told anything any more.
  void stop();

 private:
  class Running;

  void end(Running& running);

  Loop* loop_;
  net::TlsIo* tls_io_;
  net::LazyResolver* resolver_;
  FetchKeep keep_;
  std::vector<std::unique_ptr<Running>> running_;
};

}  // namespace sluice::upstream

// What a worker lends its policies, on a loop of the test's own.
#pragma once

#include "policy/reach.h"
#include "unit/net/loopback.h"
#include "unit/policy/call.h"

namespace sluice::policy {

struct TestReach {
  explicit TestReach(Offload::Limits limits = {.threads = 2, .queue_max = 4}) : offload(limits) {}
  ~TestReach() {
    offload.stop();
    fetcher.stop();
    resolver.stop();
    mailbox.close();
    loop.settle(3);
  }
  /// Waits until the call has been told that it may go on. gives: whether it was
  bool until_woken(TestCall& test, int verdicts = 1) {
    return loop.until([&] { return test.verdicts >= verdicts; });
  }

  net::TestLoop loop;
  Mailbox mailbox{loop};
  net::TlsIo tls_io{loop};
  net::LazyResolver resolver{loop};
  upstream::Fetcher fetcher{loop, tls_io, resolver};
  Offload offload;
  Reach reach{mailbox, offload, fetcher};
};

}  // namespace sluice::policy

// What a worker lends to policies that cannot answer by themselves: a way to threads, and a way to other services.
#pragma once

#include "loop/mailbox.h"
#include "loop/offload.h"
#include "upstream/fetcher.h"

namespace sluice::policy {

struct Reach {
  Mailbox& mailbox;            // of this worker: where a thread's answer comes back
  Offload& offload;            // the process's
  upstream::Fetcher& fetcher;  // this worker's
};

}  // namespace sluice::policy

// Fetches the keys of issuers that publish them: at the start, at reloads, at intervals, and when a token names
// a key that is not known. What was had stays in force while there is nothing new. On the keeper's
// loop.
#pragma once

#include <memory>
#include <vector>

#include "control/change.h"
#include "loop/loop.h"
#include "loop/mailbox.h"
#include "net/resolver.h"
#include "net/tls_io.h"
#include "observe/key_facts.h"
#include "policy/auth/remote_keys.h"
#include "upstream/fetch_keep.h"

namespace sluice::control {

class KeyRefresh final : private policy::RemoteKeys::Fetcher {
 public:
  class Owner : public ChangeWitness {
   public:
    /// A fetch has ended: those who wait for it are to be woken, each on its worker.
    virtual void on_keys_settled(std::shared_ptr<policy::RemoteKeys> keys) = 0;

   protected:
    ~Owner() = default;
  };

  /// After a failure a fetch is tried again after 1, 2, 4 ... up to so many seconds.
  static constexpr Duration kRetryMax = std::chrono::seconds(30);

  KeyRefresh(Loop& loop, Mailbox& mailbox, net::Resolver& resolver, Owner& owner);
  KeyRefresh(const KeyRefresh&) = delete;
  ~KeyRefresh();

  /// Fetches these, and nothing else any more. Keys of the same issuer from the same place are taken
  /// over: a changed table does not forget them. All are fetched now.
  void watch(std::vector<std::shared_ptr<policy::RemoteKeys>> keys);
  /// Now, all of them: what was withdrawn ends with this.
  void fetch_all();
  observe::KeyFacts facts() const;

 private:
  class Watched;

  void on_keys_wanted() override;   // on a worker's thread

  Loop* loop_;
  Mailbox* mailbox_;
  Owner* owner_;
  net::Resolver* resolver_;
  net::TlsIo tls_io_;
  upstream::FetchKeep keep_;   // the place of an issuer's keys is mostly where its discovery document was
  std::vector<std::unique_ptr<Watched>> watched_;
  std::shared_ptr<KeyRefresh*> self_;   // letters that come late find it empty
};

}  // namespace sluice::control

// Certificates, keys, authorities and revocation lists as files: looks at each of them every second and
// puts changed contents in force, however they were replaced. What is broken is refused with a line in
// the error log, and what was in force stays. Rotates the keys of session tickets too, and tells whom the
// revocation lists in force name.
// Polls, because no event tells of everything: a symlink of a parent folder that is swapped, a network
// file system, a folder that is deleted and made again.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "control/change.h"
#include "control/file_stamp.h"
#include "loop/loop.h"
#include "net/shared_tls.h"
#include "observe/certificate_facts.h"
#include "snapshot/snapshot.h"

namespace sluice::control {

class CertificateWatch final : private Timer::Owner {
 public:
  /// A change is in force after two to three of these: it must have settled, because a key is written
  /// after its certificate, and a file in more than one piece.
  static constexpr Duration kEvery = std::chrono::seconds(1);
  /// Files that never come to rest are read after this many looks.
  static constexpr unsigned kRestlessMax = 3;
  /// Series of sluice_tls_certificate_expiry_seconds.
  static constexpr size_t kExpiriesMax = 10'000;

  CertificateWatch(Loop& loop, ChangeWitness& witness) : loop_(&loop), witness_(&witness) {}
  CertificateWatch(const CertificateWatch&) = delete;

  /// Watches what this snapshot names, and nothing else any more. What was watched before is read at
  /// once: a reload takes new contents without waiting.
  void watch(const snapshot::Snapshot& snapshot);
  void stop() { timer_.stop(); }

  observe::CertificateFacts facts() const;

 private:
  struct Watched {
    std::shared_ptr<net::WatchedTls> tls;
    std::vector<std::string> files;
    std::vector<FileStamp> stamps;
    bool due = true;         // changed since it was read, or never looked at
    unsigned restless = 0;   // looks that each saw another change
    bool failing = false;    // the last reading was refused
    uint64_t replaced = 0;
    uint64_t refused = 0;
  };

  void on_timer(Timer& timer) override;
  void look(Watched& watched);
  void read(Watched& watched);
  void refuse(Watched& watched, const net::TlsFault& fault);
  void tell_revoked();

  Loop* loop_;
  ChangeWitness* witness_;
  std::vector<Watched> watched_;
  std::shared_ptr<Live<crypto::RevocationLists>> revoked_;   // the snapshot's
  Timer timer_;
};

}  // namespace sluice::control

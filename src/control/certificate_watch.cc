#include "control/certificate_watch.h"

#include <algorithm>
#include <ctime>

#include "base/log.h"

namespace sluice::control {

void CertificateWatch::watch(const snapshot::Snapshot& snapshot) {
  std::vector<Watched> before = std::move(watched_);
  watched_.clear();
  auto add = [&](std::shared_ptr<net::WatchedTls> tls) {
    auto same = [&](const Watched& old) { return old.tls == tls; };
    auto known = std::find_if(before.begin(), before.end(), same);
    if (known != before.end()) {
      read(watched_.emplace_back(std::move(*known)));
      return;
    }
    Watched& watched = watched_.emplace_back();
    watched.files = tls->files();
    watched.stamps.resize(watched.files.size());
    watched.tls = std::move(tls);
    // A name that stays keeps its counts, whatever else of its table changed.
    auto namesake = [&](const Watched& old) {
      return old.tls && old.tls->name() == watched.tls->name();
    };
    auto old = std::find_if(before.begin(), before.end(), namesake);
    if (old == before.end()) return;
    watched.replaced = old->replaced;
    watched.refused = old->refused;
  };
  for (const auto& part : snapshot.tls) add(part->tls);
  for (const auto& part : snapshot.upstreams) {
    if (part->tls) add(part->tls);
  }
  for (const auto& part : snapshot.redis) {
    if (part->tls) add(part->tls);
  }
  revoked_ = snapshot.revoked_certificates;
  tell_revoked();
  timer_.start(loop_->timers(), loop_->clock().now() + kEvery, *this);
}

void CertificateWatch::on_timer(Timer&) {
  for (Watched& watched : watched_) {
    look(watched);
    if (net::SharedTicketKeys* keys = watched.tls->tickets()) keys->rotate(loop_->clock().now());
  }
  tell_revoked();
  timer_.start(loop_->timers(), loop_->clock().now() + kEvery, *this);
}

void CertificateWatch::look(Watched& watched) {
  bool moved = false;
  for (size_t i = 0; i < watched.files.size(); ++i) {
    FileStamp stamp = stamp_of(watched.files[i]);
    moved |= stamp != watched.stamps[i];
    watched.stamps[i] = stamp;
  }
  watched.due |= moved;
  if (moved && ++watched.restless < kRestlessMax) return;
  if (watched.due) read(watched);
}

void CertificateWatch::read(Watched& watched) {
  watched.due = false;
  watched.restless = 0;
  net::WatchedTls& tls = *watched.tls;
  auto files = net::TlsFiles::read(watched.files);
  if (!files) return refuse(watched, files.error());
  if (files->fingerprint() == tls.fingerprint()) {
    if (watched.failing) LOG(info, "certificate files are as in use again", kv("tls", tls.name()));
    watched.failing = false;
    return;
  }
  auto replaced = tls.replace(*files, std::time(nullptr));
  if (!replaced) return refuse(watched, replaced.error());
  watched.failing = false;
  ++watched.replaced;
  LOG(info, "certificate files replaced", kv("tls", tls.name()));
  witness_->on_change({"certificates_read", tls.name(), Change::Outcome::applied, {}});
}

void CertificateWatch::refuse(Watched& watched, const net::TlsFault& fault) {
  watched.failing = true;
  ++watched.refused;
  LOG(error, "certificate files refused: the ones in use stay", kv("tls", watched.tls->name()),
      kv("file", fault.file), kv("reason", fault.reason));
  witness_->on_change({"certificates_read", watched.tls->name(), Change::Outcome::refused, fault.file + ": " + fault.reason});
}

void CertificateWatch::tell_revoked() {
  if (!revoked_) return;
  crypto::RevocationLists lists;
  for (const Watched& watched : watched_) {
    if (auto list = watched.tls->revoked()) lists.push_back(std::move(list));
  }
  if (lists == *revoked_->current()) return;
  revoked_->replace(std::make_shared<const crypto::RevocationLists>(std::move(lists)));
}

observe::CertificateFacts CertificateWatch::facts() const {
  observe::CertificateFacts facts;
  for (const Watched& watched : watched_) {
    const std::string& name = watched.tls->name();
    facts.tables.push_back({name, watched.replaced, watched.refused});
    for (const net::TlsExpiry& expiry : watched.tls->expiries()) {
      if (facts.expiries.size() == kExpiriesMax) break;
      if (expiry.at != 0) facts.expiries.push_back({name, expiry.file, expiry.at});
    }
  }
  return facts;
}

}  // namespace sluice::control

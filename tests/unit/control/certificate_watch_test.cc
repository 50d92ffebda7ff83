#include "control/certificate_watch.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "unit/control/log_lines.h"
#include "unit/net/certificates.h"

namespace sluice::control {
namespace {

namespace fs = std::filesystem;

class CertificateWatchTest : public testing::Test, public ChangeWitness {
 protected:
  void on_change(Change change) override { changes_.push_back(std::move(change)); }
  CertificateWatchTest() {
    put("first");
    snapshot_.tls.push_back(part("site"));
  }
  /// [tls.NAME] with the pair that lies there now.
  std::shared_ptr<const snapshot::TlsPart> part(const std::string& name) {
    net::TlsServerOptions options;
    options.name = name;
    options.certificates.push_back({path("live.pem"), path("live.key")});
    auto made = std::make_shared<snapshot::TlsPart>();
    made->name = name;
    made->tls = *net::SharedServerTls::load("tls." + name, std::move(options));
    return made;
  }
  std::string path(const std::string& file) const { return certificates_.path(file); }
  /// Makes a new pair of that name and puts it where the table looks.
  void put(const std::string& name, long days = 30) {
    certificates_.make(name, {.common_name = name, .days = days});
    copy(name + ".pem", "live.pem");
    copy(name + ".key", "live.key");
  }
  void copy(const std::string& from, const std::string& to) const {
    fs::copy_file(path(from), path(to), fs::copy_options::overwrite_existing);
  }
  /// So many looks. The loop does not run, so its clock stands still and each look sets the next one
  /// to the same moment: one tick more of the wheel is one look.
  void look(int times = 1) {
    for (; times > 0; --times) {
      LoopTurn turn(loop_);
      loop_.timers().advance(now_);
      now_ += TimerWheel::kTick;
    }
  }
  /// Watches, and has seen everything at rest.
  void start() {
    watch_.watch(snapshot_);
    look(3);   // the first may come a tick late
  }
  const net::SharedServerTls& site() const { return *snapshot_.tls[0]->tls; }
  observe::CertificateFacts::Table table() const { return watch_.facts().tables.at(0); }

  net::Certificates certificates_;
  Loop loop_;
  TimePoint now_ = loop_.clock().now() + CertificateWatch::kEvery;
  snapshot::Snapshot snapshot_;
  CertificateWatch watch_{loop_, *this};
  std::vector<Change> changes_;   // that were told of
  LogLines log_;
};

TEST_F(CertificateWatchTest, what_has_come_to_rest_is_in_force_at_the_second_look) {
  start();
  look(3);
  EXPECT_EQ(site().generation(), 0U);   // nothing changed: nothing was replaced
  put("second");
  look();
  EXPECT_EQ(site().generation(), 0U);   // a key may yet follow its certificate
  EXPECT_TRUE(changes_.empty());
  look();
  EXPECT_EQ(site().generation(), 1U);
  EXPECT_EQ(table().replaced, 1U);
  look(3);
  EXPECT_EQ(site().generation(), 1U);
  ASSERT_EQ(changes_.size(), 1U);
  EXPECT_EQ(changes_[0].action + " " + changes_[0].target, "certificates_read tls.site");
  EXPECT_EQ(changes_[0].outcome, Change::Outcome::applied);
}

TEST_F(CertificateWatchTest, whom_lists_revoke_is_told_when_they_are_in_force) {
  net::CertificateFiles ca = certificates_.make("ca", {.authority = true});
  net::CertificateFiles leaf = certificates_.make("leaf", {}, &ca);
  auto guarded = [&](const std::string& name) {
    net::TlsServerOptions options{.name = name, .certificates = {{path("live.pem"), path("live.key")}}};
    options.client_check = net::TlsClientCheck{.ca = ca.certificate, .crl = path("live.crl")};
    auto made = std::make_shared<snapshot::TlsPart>();
    made->name = name;
    made->tls = *net::SharedServerTls::load("tls." + name, std::move(options));
    return made;
  };
  auto revoke = [&](const std::vector<net::CertificateFiles>& leaves) { certificates_.revoke("live", ca, leaves); };
  revoke({});
  snapshot_.tls.push_back(guarded("guarded"));
  using Lists = crypto::RevocationLists;
  snapshot_.revoked_certificates = std::make_shared<Live<Lists>>(std::make_shared<const Lists>());
  const Live<Lists>& live = *snapshot_.revoked_certificates;
  start();
  ASSERT_EQ(live.current()->size(), 1U);   // one table has a list
  EXPECT_EQ(live.current()->at(0)->size(), 0U);
  uint32_t before = live.generation();
  put("second");
  revoke({leaf});
  look();
  EXPECT_EQ(live.generation(), before);
  look();
  EXPECT_EQ(live.generation(), before + 1);
  EXPECT_EQ(live.current()->at(0)->size(), 1U);
  look(3);
  EXPECT_EQ(live.generation(), before + 1);   // nothing new
  revoke({});
  watch_.watch(snapshot_);                    // a reload does not wait
  EXPECT_EQ(live.generation(), before + 2);
  EXPECT_EQ(live.current()->at(0)->size(), 0U);
  snapshot_.tls.pop_back();
  watch_.watch(snapshot_);
  EXPECT_TRUE(live.current()->empty());
}

TEST_F(CertificateWatchTest, files_that_never_rest_are_read_all_the_same) {
  start();
  put("second");
  for (unsigned i = 0; i < CertificateWatch::kRestlessMax; ++i) {
    EXPECT_EQ(site().generation(), 0U);
    copy("second.pem", "live.pem");   // touched before every look
    fs::last_write_time(path("live.pem"), fs::file_time_type::clock::now() + std::chrono::seconds(i));
    look();
  }
  EXPECT_EQ(site().generation(), 1U);
}

TEST_F(CertificateWatchTest, a_pair_that_does_not_match_is_refused_once_and_the_old_one_stays) {
  start();
  certificates_.make("second", {});
  copy("second.pem", "live.pem");   // the key is still the first one's
  look(5);
  EXPECT_EQ(site().generation(), 0U);
  EXPECT_EQ(table().refused, 1U);
  EXPECT_EQ(log_.count("certificate files refused: the ones in use stay tls=tls.site"), 1);
  ASSERT_EQ(changes_.size(), 1U);
  EXPECT_EQ(changes_[0].outcome, Change::Outcome::refused);
  copy("first.pem", "live.pem");
  look(2);
  EXPECT_EQ(log_.count("certificate files are as in use again tls=tls.site"), 1);
  copy("second.pem", "live.pem");
  copy("second.key", "live.key");
  look(2);
  EXPECT_EQ(site().generation(), 1U);
  EXPECT_EQ(table().refused, 1U);
}

TEST_F(CertificateWatchTest, files_that_are_gone_and_files_that_have_expired_are_refused) {
  start();
  fs::remove(path("live.key"));
  look(3);
  EXPECT_EQ(table().refused, 1U);
  put("over", -1);
  look(3);
  EXPECT_EQ(table().refused, 2U);
  EXPECT_EQ(log_.count("has expired, and what is in force has not"), 1);
  EXPECT_EQ(site().generation(), 0U);
  put("good");
  look(2);
  EXPECT_EQ(site().generation(), 1U);
}

TEST_F(CertificateWatchTest, links_are_followed_to_what_they_lead_to_now) {
  put("second");
  fs::remove(path("live.pem"));
  fs::remove(path("live.key"));
  for (const char* end : {".pem", ".key"}) fs::create_symlink(path(std::string("first") + end), path(std::string("live") + end));
  start();
  for (const char* end : {".pem", ".key"}) {
    fs::remove(path(std::string("live") + end));
    fs::create_symlink(path(std::string("second") + end), path(std::string("live") + end));
  }
  look(2);
  EXPECT_EQ(site().generation(), 1U);
}

TEST_F(CertificateWatchTest, a_reload_reads_at_once_what_was_watched_before) {
  start();
  put("second");
  watch_.watch(snapshot_);
  EXPECT_EQ(site().generation(), 1U);
  EXPECT_EQ(table().replaced, 1U);
}

TEST_F(CertificateWatchTest, a_changed_table_of_the_same_name_keeps_its_counts_and_a_gone_one_is_left_alone) {
  start();
  put("second");
  look(2);
  snapshot::Snapshot next;
  next.tls.push_back(part("site"));   // another object: something else of the table changed
  next.tls.push_back(part("other"));
  watch_.watch(next);
  auto facts = watch_.facts();
  ASSERT_EQ(facts.tables.size(), 2U);
  EXPECT_EQ(facts.tables[0].replaced, 1U);
  EXPECT_EQ(facts.tables[1].replaced, 0U);
  put("third");
  look(3);
  EXPECT_EQ(next.tls[1]->tls->generation(), 1U);
  EXPECT_EQ(site().generation(), 1U);   // of the snapshot before: nobody connects with it any more
}

TEST_F(CertificateWatchTest, stopped_it_looks_no_more) {
  start();
  watch_.stop();
  put("second");
  look(5);
  EXPECT_EQ(site().generation(), 0U);
}

}  // namespace
}  // namespace sluice::control

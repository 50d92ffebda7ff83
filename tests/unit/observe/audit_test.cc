#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "observe/audit_log.h"
#include "observe/audit_verify.h"
#include "observe/log_set.h"
#include "unit/observe/temporary_folder.h"

namespace sluice::observe {
namespace {

using Key = std::shared_ptr<const crypto::HmacKey>;

Key key_of(std::string_view text) { return std::make_shared<const crypto::HmacKey>(crypto::Hash::sha256, text); }

LogConfig config_of(const TemporaryFolder& folder) {
  LogConfig config;
  config.error.file.path = folder.file("error.log");
  config.audit.emplace();
  config.audit->file.path = folder.file("audit.log");
  return config;
}

void put(LogSet& logs, const LogConfig& config, Key key) {
  auto prepared = logs.prepare(config, std::move(key));
  ASSERT_TRUE(prepared) << prepared.error().front();
  logs.commit(*std::move(prepared));
}

void write(LogSet& logs, int records, AuditRecord audit = {}) {
  AuditLog log(logs.audit_log());
  AccessRecord request;
  request.request_id = "r1";
  request.method = "GET";
  request.route = "orders";
  request.status = 200;
  if (audit.subject.empty()) audit.subject = "ada";
  for (int i = 0; i < records; ++i) log.write(request, audit);
}

/// A log of that many records, with a start and an end in order.
void make(const TemporaryFolder& folder, int records, Key key) {
  LogSet logs;
  put(logs, config_of(folder), std::move(key));
  write(logs, records);
  logs.stop();
}

struct Verified {
  AuditReport report;
  explicit Verified(const std::vector<std::string>& files, Key key, const std::string& head = "", uint64_t from = 1) {
    AuditVerifier verifier(key.get(), from);
    for (const std::string& file : files) EXPECT_TRUE(verifier.add_file(file));
    if (!head.empty()) verifier.check_head(read_whole(head), head);
    report = verifier.report();
  }
  bool says(std::string_view text) const {
    for (const std::string& finding : report.findings) {
      if (finding.find(text) != finding.npos) return true;
    }
    for (const std::string& note : report.notes) {
      if (note.find(text) != note.npos) return true;
    }
    return false;
  }
};

void write_lines(const std::string& path, const std::vector<std::string>& lines) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  for (const std::string& line : lines) file << line << '\n';
}

class AuditChains : public testing::TestWithParam<bool> {
 protected:
  Key key() const { return GetParam() ? key_of("secret") : nullptr; }
  TemporaryFolder folder_;
  std::string log_ = folder_.file("audit.log");
  std::string head_ = folder_.file("audit.log.head");
};
INSTANTIATE_TEST_SUITE_P(Keys, AuditChains, testing::Bool());

TEST_P(AuditChains, a_log_is_good_and_says_who_did_what) {
  {
    LogSet logs;
    put(logs, config_of(folder_), key());
    AuditRecord audit;
    audit.subject = "ada \"lovelace\"\n";
    audit.credential = "k1";
    audit.decision = AuditRecord::Decision::denied;
    audit.rule = "only_admins";
    write(logs, 1, audit);
    logs.control({"reload", "applied", "uid 0", "abc", "applied\n"}, {});
    logs.stop();
  }
  auto lines = read_lines(log_);
  ASSERT_EQ(lines.size(), 2u);
  std::string all = lines[0] + lines[1];
  for (const char* part : {"\"seq\":               1,", R"("event":"request")", R"("decision":"denied")", R"("rule":"only_admins")",
                           R"("subject":"ada \"lovelace\"\u000a")", R"("credential":"k1")", R"("operation":"GET")",
                           R"("route":"orders")", R"("status":200)", R"("duration_ms":0.000)", R"("event":"control")",
                           R"("action":"reload","outcome":"applied","by":"uid 0")"}) {
    EXPECT_NE(all.find(part), all.npos) << part << " in " << all;
  }
  Verified verified({log_}, key(), head_);
  EXPECT_TRUE(verified.report.good());
  EXPECT_EQ(verified.report.records, 2u);
  EXPECT_TRUE(verified.report.notes.empty());
}

TEST_P(AuditChains, any_flipped_byte_is_found) {
  make(folder_, 3, key());
  std::string good = read_whole(log_);
  ASSERT_TRUE(Verified({log_}, key(), head_).report.good());
  for (size_t i = 0; i < good.size(); ++i) {
    for (unsigned char flip : {0x01, 0x20, 0x80}) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ flip);
      std::ofstream(log_, std::ios::binary | std::ios::trunc) << bad;
      ASSERT_FALSE(Verified({log_}, key()).report.good()) << "byte " << i << " ^ " << int{flip};
    }
  }
}

TEST_P(AuditChains, every_change_is_found_where_it_is) {
  make(folder_, 9, key());
  const auto good = read_lines(log_);
  auto lines = good;
  lines.erase(lines.begin() + 3);
  write_lines(log_, lines);
  EXPECT_TRUE(Verified({log_}, key()).says("audit.log:4: record 4 is missing before record 5"));
  lines = good;
  std::swap(lines[3], lines[4]);
  write_lines(log_, lines);
  EXPECT_TRUE(Verified({log_}, key()).says("audit.log:4: record 4 is missing before record 5"));
  EXPECT_TRUE(Verified({log_}, key()).says("audit.log:5: record 4 is not in its place: 6 is due"));
  lines = good;
  lines.insert(lines.begin() + 3, good[2]);
  write_lines(log_, lines);
  EXPECT_TRUE(Verified({log_}, key()).says("audit.log:4: record 3 is not in its place: 4 is due"));
  lines = good;
  lines[5].replace(lines[5].find("ada"), 3, "eve");
  write_lines(log_, lines);
  EXPECT_TRUE(Verified({log_}, key()).says("audit.log:6: record 6 was changed"));
  EXPECT_EQ(Verified({log_}, key()).report.findings_count, 1u);
  lines = good;
  lines.insert(lines.begin() + 2, "hello");
  write_lines(log_, lines);
  EXPECT_TRUE(Verified({log_}, key()).says("audit.log:3: this line is no record"));
}

TEST_P(AuditChains, a_cut_tail_is_found_against_the_head) {
  make(folder_, 9, key());
  auto lines = read_lines(log_);
  lines.resize(7);
  write_lines(log_, lines);
  EXPECT_TRUE(Verified({log_}, key()).report.good());   // nothing tells without the head
  EXPECT_TRUE(Verified({log_}, key(), head_).says("the head names record 9, the log ends at 7: its tail is missing"));
  // The beginning is told by its number.
  lines.erase(lines.begin(), lines.begin() + 2);
  write_lines(log_, lines);
  EXPECT_TRUE(Verified({log_}, key()).says("records 1 to 2 are missing before record 3"));
  EXPECT_TRUE(Verified({log_}, key(), "", 3).report.good());
}

TEST_P(AuditChains, goes_on_after_a_restart) {
  make(folder_, 3, key());
  make(folder_, 4, key());
  Verified verified({log_}, key(), head_);
  EXPECT_TRUE(verified.report.good());
  EXPECT_EQ(verified.report.last.sequence, 7u);
  EXPECT_TRUE(verified.report.notes.empty());
}

TEST_P(AuditChains, goes_on_after_a_crash_with_a_record_that_names_it) {
  make(folder_, 3, key());
  std::string head = read_whole(head_);
  make(folder_, 2, key());
  std::ofstream(head_, std::ios::binary | std::ios::trunc) << head;   // older than the log, as a crash leaves it
  std::ofstream(log_, std::ios::binary | std::ios::app) << "{\"seq\":     half a rec";
  make(folder_, 2, key());
  Verified verified({log_}, key(), head_);
  EXPECT_TRUE(verified.report.good()) << verified.report.findings.front();
  EXPECT_EQ(verified.report.last.sequence, 8u);   // 3 + 2, the break, 2
  EXPECT_TRUE(verified.says("audit.log:7: break: the log was not closed"));
}

TEST_P(AuditChains, a_log_cut_while_the_gateway_was_down_stays_found) {
  make(folder_, 9, key());
  auto lines = read_lines(log_);
  lines.resize(6);
  write_lines(log_, lines);
  make(folder_, 2, key());
  Verified verified({log_}, key(), head_);
  EXPECT_FALSE(verified.report.good());
  EXPECT_TRUE(verified.says("audit.log:7: records 7 to 9 are missing before record 10"));
  EXPECT_TRUE(verified.says("break: the log is shorter than its head says"));
}

TEST_P(AuditChains, rotation_keeps_the_chain) {
  LogSet logs;
  put(logs, config_of(folder_), key());
  write(logs, 5);
  while (read_lines(log_).size() < 5) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  std::filesystem::rename(log_, folder_.file("audit.log.1"));
  logs.reopen();
  while (!std::filesystem::exists(log_)) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  write(logs, 5);
  logs.stop();
  Verified verified({folder_.file("audit.log.1"), log_}, key(), head_);
  EXPECT_TRUE(verified.report.good());
  EXPECT_EQ(verified.report.records, 10u);
  EXPECT_FALSE(Verified({log_}, key(), head_).report.good());
  EXPECT_TRUE(Verified({log_}, key(), head_, 6).report.good());
}

TEST(AuditKeys, a_log_of_another_key_is_not_good) {
  TemporaryFolder folder;
  make(folder, 2, key_of("a"));
  EXPECT_FALSE(Verified({folder.file("audit.log")}, key_of("b")).report.good());
  EXPECT_FALSE(Verified({folder.file("audit.log")}, nullptr).report.good());
}

TEST(AuditKeys, another_key_needs_another_file) {
  TemporaryFolder folder;
  LogSet logs;
  put(logs, config_of(folder), key_of("a"));
  auto refused = logs.prepare(config_of(folder), key_of("b"));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().front().find("another key needs another file"), std::string::npos);
  EXPECT_TRUE(logs.prepare(config_of(folder), key_of("a")));
  logs.stop();
}

TEST(AuditFiles, two_processes_do_not_write_one_log) {
  TemporaryFolder folder;
  LogSet logs, others;
  put(logs, config_of(folder), nullptr);
  auto refused = others.prepare(config_of(folder));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().front().find("is in use"), std::string::npos);
  logs.stop();
}

TEST(AuditOverflow, what_is_lost_is_said_in_the_chain) {
  TemporaryFolder folder;
  LogSet logs;
  put(logs, config_of(folder), nullptr);
  logs.audit_log()->file->count_dropped(17);
  write(logs, 1);
  logs.stop();
  Verified verified({folder.file("audit.log")}, nullptr);
  EXPECT_TRUE(verified.report.good());
  EXPECT_TRUE(verified.says("record 1 says that 17 were lost"));
}

TEST(AuditOverflow, whoever_writes_waits_for_a_slow_reader_and_nothing_is_lost) {
  TemporaryFolder folder;
  std::string pipe = folder.file("audit.pipe");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  int reader = ::open(pipe.c_str(), O_RDONLY | O_NONBLOCK);
  fcntl(reader, F_SETFL, 0);
  std::string text;
  std::thread reading([&] {
    char bytes[64 * 1024];
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    for (ssize_t got; (got = ::read(reader, bytes, sizeof(bytes))) > 0;) text.append(bytes, static_cast<size_t>(got));
  });
  LogConfig config = config_of(folder);
  config.audit->file.path = pipe;
  config.audit->on_overflow = OnOverflow::block;
  {
    LogSet logs;
    put(logs, config, nullptr);
    write(logs, 20'000);   // 8 MB: twice of what may wait
    logs.stop();
    EXPECT_EQ(logs.counts().front().first, "audit");
    EXPECT_EQ(logs.counts().front().second.dropped, 0u);
  }
  reading.join();
  ::close(reader);
  std::ofstream(folder.file("copy.log"), std::ios::binary) << text;
  Verified verified({folder.file("copy.log")}, nullptr, pipe + ".head");
  EXPECT_TRUE(verified.report.good());
  EXPECT_EQ(verified.report.records, 20'000u);
}

TEST(AuditOverflow, a_full_disk_loses_records_and_ends_no_process) {
  TemporaryFolder folder;
  std::string path = folder.file("audit.log");
  std::filesystem::create_symlink("/dev/full", path);
  LogConfig config = config_of(folder);
  config.audit->on_overflow = OnOverflow::block;
  LogSet logs;
  put(logs, config, nullptr);
  std::thread writing([&] { write(logs, 20'000); });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  logs.stop_blocking();
  writing.join();
  logs.stop();
  EXPECT_GE(logs.counts().front().second.dropped, 20'000u);   // and what the log had to say of them
}

TEST(AuditRecords, only_what_is_listed_and_not_what_is_redacted) {
  TemporaryFolder folder;
  LogConfig config = config_of(folder);
  config.audit->query = {"page", "none"};
  config.audit->headers = {"X-Reason"};
  config.audit->claims = {"tenant"};
  config.audit->redact = {"path.token", "subject", "client_ip"};
  LogSet logs;
  put(logs, config, nullptr);
  {
    AuditLog log(logs.audit_log());
    http::Fields* none = nullptr;
    NamedValue params[] = {{"id", "42"}, {"token", "hidden-token"}};
    NamedValue claims[] = {{"tenant", "gold"}, {"email", "hidden-mail"}};
    AccessRecord request;
    request.params = params;
    request.query = "page=2&secret=hidden-query&page=3";
    request.fields = none;
    AuditRecord audit;
    audit.subject = "hidden-subject";
    audit.claims = claims;
    log.write(request, audit);
  }
  logs.stop();
  std::string text = read_whole(folder.file("audit.log"));
  EXPECT_EQ(text.find("hidden"), text.npos) << text;
  for (const char* part : {R"("params":{"id":"42","token":"***"})", R"("query":{"page":"2&3"})", R"("claims":{"tenant":"gold"})",
                           R"("subject":"***")", R"("client_ip":"***")"}) {
    EXPECT_NE(text.find(part), text.npos) << part << " in " << text;
  }
  EXPECT_TRUE(Verified({folder.file("audit.log")}, nullptr).report.good());
}

TEST(AuditRecords, the_longest_values_fit) {
  TemporaryFolder folder;
  LogSet logs;
  LogConfig config = config_of(folder);
  config.audit->query = {"q"};
  put(logs, config, nullptr);
  std::string all(100'000, '\x01');
  {
    AuditLog log(logs.audit_log());
    std::vector<NamedValue> params(64, NamedValue{all, all});
    AccessRecord request;
    request.params = params;
    std::string query = "q=" + all;
    request.query = query;
    for (auto member : {&AccessRecord::request_id, &AccessRecord::trace_id, &AccessRecord::listener, &AccessRecord::method,
                        &AccessRecord::route, &AccessRecord::problem}) request.*member = all;
    AuditRecord audit{AuditRecord::Decision::denied, all, all, all, all, all, all, params};
    for (int i = 0; i < 5; ++i) log.write(request, audit);
  }
  logs.stop();
  Verified verified({folder.file("audit.log")}, nullptr);
  EXPECT_TRUE(verified.report.good());
  EXPECT_EQ(verified.report.records, 5u);
}

TEST(AuditSpeed, a_million_records_are_verified_in_under_three_seconds) {
#if !defined(NDEBUG) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "of the release build";
#endif
  TemporaryFolder folder;
  std::string line = "{" + std::string(kAuditHead) + ",\"event\":\"request\"" + std::string(200, 'x') + std::string(kAuditTail) + "}";
  AuditPoint point;
  crypto::HmacKey key(crypto::Hash::sha256, "k");
  AuditSeal seal(&key);
  {
    std::ofstream file(folder.file("audit.log"), std::ios::binary);
    for (int i = 0; i < 100'000; ++i) {
      seal_audit_line(line.data(), line.size(), point, seal);
      file << line << '\n';
    }
  }
  std::chrono::nanoseconds took = std::chrono::hours(1);
  for (int i = 0; i < 3; ++i) {   // the best of three: others use the machine too
    auto began = std::chrono::steady_clock::now();
    AuditVerifier verifier(&key, 1);
    ASSERT_TRUE(verifier.add_file(folder.file("audit.log")));
    took = std::min<std::chrono::nanoseconds>(took, std::chrono::steady_clock::now() - began);
    EXPECT_EQ(verifier.report().records, 100'000u);
    EXPECT_TRUE(verifier.report().good());
  }
  EXPECT_LT(took, std::chrono::milliseconds(300));   // a tenth of the records in a tenth of the time
}

}  // namespace
}  // namespace sluice::observe

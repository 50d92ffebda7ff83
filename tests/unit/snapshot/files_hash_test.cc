#include "snapshot/files_hash.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "snapshot/build.h"
#include "unit/snapshot/config_workspace.h"

namespace sluice::snapshot {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFile = R"(sluice = 1
[listen.a]
address = "127.0.0.1:1"
tls = "site"
[tls.site]
certificates = { cert = "certs/site.pem", key = "certs/site.key" }
[upstream.u]
servers = ["u.example:1"]
tls = { ca = "certs/ca.pem" }
[upstream.plain]
servers = ["u.example:2"]
[plugin.p]
file = "plugins/bare.so"
)";

class FilesHash : public testing::Test {
 protected:
  FilesHash() {
    fs::copy_file(folder() / "certs/other.pem", folder() / "certs/ca.pem");
    write_text(folder() / "files.toml", std::string(kFile));
  }
  const fs::path& folder() const { return workspace_.folder(); }
  Config load() const {
    LoadedConfig loaded = load_config((folder() / "files.toml").string());
    EXPECT_FALSE(loaded.has_errors()) << loaded.issues_text();
    return std::move(loaded.config);
  }
  uint64_t on_disk() const { return files_hash(load()).value_or(0); }
  void replace(const char* file, const char* by) const {
    fs::copy_file(folder() / by, folder() / file, fs::copy_options::overwrite_existing);
  }

 private:
  ConfigWorkspace workspace_;
};

TEST_F(FilesHash, is_the_same_for_a_snapshot_and_for_the_files_that_it_was_made_of) {
  observe::Registry registry(1);
  auto snapshot = build(load(), nullptr, registry);
  ASSERT_TRUE(snapshot);
  EXPECT_EQ(files_hash(**snapshot), on_disk());
}

TEST_F(FilesHash, each_kind_of_file_counts_and_its_time_does_not) {
  uint64_t first = on_disk();
  uint64_t values = load().hash;
  fs::last_write_time(folder() / "certs/ca.pem", fs::file_time_type::clock::now());
  EXPECT_EQ(on_disk(), first);
  replace("certs/ca.pem", "certs/site.pem");
  uint64_t authority = on_disk();
  EXPECT_NE(authority, first);
  replace("certs/site.pem", "certs/other.pem");
  replace("certs/site.key", "certs/other.key");
  uint64_t certificate = on_disk();
  EXPECT_NE(certificate, authority);
  std::string code = read_text(folder() / "plugins/bare.so");
  write_text(folder() / "plugins/bare.so", code + "behind its end");
  EXPECT_NE(on_disk(), certificate);
  EXPECT_EQ(load().hash, values);   // that one is over what the text says
}

TEST_F(FilesHash, of_a_snapshot_follows_what_is_in_use_and_not_what_lies_there) {
  observe::Registry registry(1);
  auto built = build(load(), nullptr, registry);
  ASSERT_TRUE(built);
  const Snapshot& snapshot = **built;
  uint64_t first = files_hash(snapshot);
  replace("certs/site.pem", "certs/other.pem");
  EXPECT_EQ(files_hash(snapshot), first);   // not taken yet
  net::WatchedTls& tls = *snapshot.tls[0]->tls;
  EXPECT_FALSE(tls.replace(*net::TlsFiles::read(tls.files()), 0));   // the key is another's
  EXPECT_EQ(files_hash(snapshot), first);
  replace("certs/site.key", "certs/other.key");
  EXPECT_TRUE(tls.replace(*net::TlsFiles::read(tls.files()), 0));
  EXPECT_EQ(files_hash(snapshot), on_disk());
  EXPECT_NE(files_hash(snapshot), first);
}

TEST_F(FilesHash, is_nothing_when_a_file_cannot_be_read) {
  Config config = load();
  fs::remove(folder() / "certs/ca.pem");
  EXPECT_FALSE(files_hash(config));
}

}  // namespace
}  // namespace sluice::snapshot

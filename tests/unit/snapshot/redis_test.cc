// [redis.NAME]: what a client is made with, and what outlives a reload.
#include <gtest/gtest.h>

#include <fstream>

#include "snapshot/build.h"
#include "snapshot/redis_parts.h"
#include "unit/snapshot/config_workspace.h"

namespace sluice::snapshot {
namespace {

constexpr std::string_view kFile = R"(sluice = 1
[listen.a]
address = "127.0.0.1:1"
[redis.main]
url = "redis://redis.internal/3"
queue = 100
timeout = { command = "50ms" }
[redis.local]
url = "unix:/run/redis.sock"
[redis.six]
url = "redis://[::1]:7000"
[redis.watched]
sentinel = ["10.0.0.1:26379", "sentinel.internal:26380"]
master = "mymaster"
database = 2
[redis.many]
cluster = "10.0.0.2:6379"
)";

std::shared_ptr<const Snapshot> snapshot_of(std::string text, const Snapshot* previous, observe::Registry& registry) {
  LoadedConfig loaded = load_config_text("test.toml", std::move(text));
  EXPECT_FALSE(loaded.has_errors()) << loaded.issues_text();
  auto built = build(std::move(loaded.config), previous, registry);
  EXPECT_TRUE(built);
  return built ? *built : nullptr;
}

const redis::Options& options_of(const Snapshot& snapshot, std::string_view name) {
  return find_part(snapshot.redis, name).instance->options();
}

TEST(Redis, options_are_what_the_table_says) {
  observe::Registry registry(1);
  auto snapshot = snapshot_of(std::string(kFile), nullptr, registry);
  const redis::Options& main = options_of(*snapshot, "main");
  EXPECT_EQ(main.layout, redis::Layout::single);
  EXPECT_EQ(main.places, (std::vector<redis::Place>{{"redis.internal", 6379}}));
  EXPECT_EQ(main.database, 3U);
  EXPECT_EQ(main.queue_max, 100U);
  EXPECT_EQ(main.command_timeout, std::chrono::milliseconds(50));
  EXPECT_EQ(main.tls, nullptr);
  EXPECT_EQ(options_of(*snapshot, "local").places[0].unix_path, "/run/redis.sock");
  EXPECT_EQ(options_of(*snapshot, "six").places, (std::vector<redis::Place>{{"::1", 7000}}));
  const redis::Options& watched = options_of(*snapshot, "watched");
  EXPECT_EQ(watched.layout, redis::Layout::sentinel);
  EXPECT_EQ(watched.places.size(), 2U);
  EXPECT_EQ(watched.master, "mymaster");
  EXPECT_EQ(watched.database, 2U);
  EXPECT_EQ(options_of(*snapshot, "many").layout, redis::Layout::cluster);
}

TEST(Redis, an_unchanged_table_keeps_its_instance) {
  observe::Registry registry(1);
  auto before = snapshot_of(std::string(kFile), nullptr, registry);
  std::string changed(kFile);
  changed.replace(changed.find("50ms"), 4, "60ms");
  auto after = snapshot_of(changed, before.get(), registry);
  EXPECT_EQ(find_shared_part(before->redis, "local"), find_shared_part(after->redis, "local"));
  EXPECT_NE(find_part(before->redis, "main").instance, find_part(after->redis, "main").instance);
  EXPECT_EQ(find_part(before->redis, "main").metric.id(), find_part(after->redis, "main").metric.id());
}

TEST(Redis, a_secret_is_read_again_and_a_broken_one_changes_nothing) {
  ConfigWorkspace workspace;
  std::string secret = (workspace.folder() / "password").string();
  auto write = [&](std::string_view text) { std::ofstream(secret) << text; };
  write("first\n");
  std::string text(kFile);
  text += "[redis.secret]\nurl = \"redis://127.0.0.1\"\nuser = \"sluice\"\npassword = { secret = \"file:" + secret + "\" }\n";
  observe::Registry registry(1);
  auto snapshot = snapshot_of(text, nullptr, registry);
  const RedisPart& part = find_part(snapshot->redis, "secret");
  EXPECT_EQ(part.logins->current()->server.password.bytes(), "first");
  EXPECT_EQ(part.logins->current()->server.user, "sluice");
  uint32_t generation = part.logins->generation();
  renew_logins(*snapshot);
  EXPECT_EQ(part.logins->generation(), generation);
  write("second");
  renew_logins(*snapshot);
  EXPECT_EQ(part.logins->current()->server.password.bytes(), "second");
  write("");
  renew_logins(*snapshot);
  EXPECT_EQ(part.logins->current()->server.password.bytes(), "second");
}

TEST(Redis, a_secret_that_has_gone_since_the_check_is_a_fault) {
  ConfigWorkspace workspace;
  std::string secret = (workspace.folder() / "password").string();
  std::ofstream(secret) << "word";
  LoadedConfig loaded = load_config_text(
      "test.toml", "sluice = 1\n[listen.a]\naddress = \"127.0.0.1:1\"\n[redis.main]\nurl = \"redis://127.0.0.1\"\n"
                   "password = { secret = \"file:" + secret + "\" }\n");
  ASSERT_FALSE(loaded.has_errors()) << loaded.issues_text();
  std::filesystem::remove(secret);
  observe::Registry registry(1);
  auto built = build(std::move(loaded.config), nullptr, registry);
  ASSERT_FALSE(built);
  ASSERT_EQ(built.error().size(), 1U);
  EXPECT_EQ(built.error()[0], "redis.main: cannot read " + secret + ": No such file or directory");
}

}  // namespace
}  // namespace sluice::snapshot

#include "control/graveyard.h"

#include <gtest/gtest.h>

#include "snapshot/build.h"

namespace sluice::control {
namespace {

std::shared_ptr<const snapshot::Snapshot> snapshot_of(const std::string& more, const snapshot::Snapshot* previous,
                                                      observe::Registry& registry) {
  auto loaded = snapshot::load_config_text("test.toml", "sluice = 1\n[listen.a]\naddress = \"127.0.0.1:1\"\n" + more);
  EXPECT_FALSE(loaded.has_errors()) << loaded.issues_text();
  auto built = snapshot::build(std::move(loaded.config), previous, registry);
  EXPECT_TRUE(built);
  return *built;
}

size_t names(const observe::Registry& registry, observe::Table table) {
  size_t count = 0;
  registry.names(table).each([&](uint32_t, std::string_view) { ++count; });
  return count;
}

TEST(Graveyard, parts_that_several_snapshots_had_go_when_the_last_one_has_gone) {
  observe::Registry registry(1);
  Graveyard graveyard;
  size_t before = names(registry, observe::Table::upstream), redis_before = names(registry, observe::Table::redis);
  std::shared_ptr<const snapshot::Snapshot> current;
  for (const char* route : {"/a", "/b", "/c"}) {
    auto next = snapshot_of(std::string("[upstream.one]\nservers = [\"127.0.0.1:2\"]\n[redis.main]\nurl = \"redis://127.0.0.1\"\n") +
                                "[route.r]\nupstream = \"one\"\nmatch = { path = \"" + route + "\" }\n",
                            current.get(), registry);
    if (current) graveyard.bury(std::move(current));
    current = std::move(next);
    graveyard.sweep();
  }
  EXPECT_EQ(names(registry, observe::Table::upstream), before + 1);
  EXPECT_EQ(names(registry, observe::Table::redis), redis_before + 1);
  graveyard.bury(std::move(current));
  graveyard.sweep();
  EXPECT_EQ(names(registry, observe::Table::upstream), before);
  EXPECT_EQ(names(registry, observe::Table::redis), redis_before);
}

}  // namespace
}  // namespace sluice::control

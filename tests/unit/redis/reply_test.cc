#include "redis/reply.h"

#include <gtest/gtest.h>

#include "redis/slot.h"

namespace sluice::redis {
namespace {

TEST(Reply, errors_are_told_apart_by_their_first_word) {
  struct Case {
    const char* text;
    ErrorKind kind;
    bool unfit;
  };
  constexpr Case kCases[] = {
      {"ERR unknown command", ErrorKind::command, false},
      {"WRONGTYPE Operation against a key", ErrorKind::command, false},
      {"NOSCRIPT No matching script.", ErrorKind::no_script, false},
      {"NOPERM this user has no permissions", ErrorKind::denied, false},
      {"LOADING Redis is loading the dataset in memory", ErrorKind::loading, true},
      {"READONLY You can't write against a read only replica.", ErrorKind::read_only, true},
      {"MOVED 3999 127.0.0.1:6381", ErrorKind::moved, true},
      {"ASK 3999 127.0.0.1:6381", ErrorKind::ask, true},
      {"NOAUTH Authentication required.", ErrorKind::no_auth, true},
      {"WRONGPASS invalid username-password pair or user is disabled.", ErrorKind::no_auth, true},
      {"OOM command not allowed when used memory > 'maxmemory'.", ErrorKind::out_of_memory, true},
      {"BUSY Redis is busy running a script.", ErrorKind::busy, true},
      {"BUSYGROUP Consumer Group name already exists", ErrorKind::command, false},
      {"CLUSTERDOWN Hash slot not served", ErrorKind::cluster_down, true},
      {"", ErrorKind::command, false},
  };
  for (const Case& each : kCases) {
    EXPECT_EQ(error_kind(each.text), each.kind) << each.text;
    EXPECT_EQ(is_unfit(error_kind(each.text)), each.unfit) << each.text;
    EXPECT_FALSE(error_kind_name(each.kind).empty());
  }
}

TEST(Reply, redirects_are_read_or_refused) {
  auto redirect = parse_redirect("MOVED 3999 10.0.0.5:6381");
  ASSERT_TRUE(redirect);
  EXPECT_EQ(redirect->slot, 3999);
  EXPECT_EQ(redirect->host, "10.0.0.5");
  EXPECT_EQ(redirect->port, 6381);
  EXPECT_EQ(parse_redirect("ASK 1 ::1:7000")->host, "::1");
  EXPECT_EQ(parse_redirect("MOVED 1 :7000")->host, "");
  for (const char* bad : {"", "MOVED", "MOVED 1", "MOVED 1 host", "MOVED 16384 h:1", "MOVED 1 h:0", "MOVED 1 h:65536",
                          "MOVED x h:1", "ERR 1 h:1", "MOVED -1 h:1"}) {
    EXPECT_FALSE(parse_redirect(bad)) << bad;
  }
}

// The numbers are `CLUSTER KEYSLOT`'s, and the cluster specification's for CRC16("123456789").
TEST(Slot, is_that_of_redis) {
  EXPECT_EQ(key_slot("123456789"), 0x31C3);
  EXPECT_EQ(key_slot("foo"), 12182);
  EXPECT_EQ(key_slot(""), 0);
  EXPECT_EQ(key_slot("{user1000}.following"), key_slot("{user1000}.followers"));
  EXPECT_EQ(key_slot("{user1000}.following"), key_slot("user1000"));
  EXPECT_EQ(key_slot("foo{}{bar}"), key_slot("foo{}{bar}"));
  EXPECT_NE(key_slot("foo{}{bar}"), key_slot("bar"));
  EXPECT_EQ(key_slot("foo{{bar}}zap"), key_slot("{bar"));
  EXPECT_EQ(key_slot("foo{bar}{zap}"), key_slot("bar"));
}

}  // namespace
}  // namespace sluice::redis

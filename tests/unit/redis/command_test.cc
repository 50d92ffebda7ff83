#include "redis/command.h"

#include <gtest/gtest.h>

namespace sluice::redis {
namespace {

TEST(Command, is_an_array_of_bulk_strings) {
  BlockPool pool;
  Chain out;
  encode(pool, out, {"SET", "a key", std::string_view("\0\r\n", 3), ""});
  EXPECT_EQ(out.to_string(), std::string("*4\r\n$3\r\nSET\r\n$5\r\na key\r\n$3\r\n\0\r\n\r\n$0\r\n\r\n", 39));
}

TEST(Command, large_arguments_are_whole) {
  BlockPool pool;
  for (size_t size : {size_t{3'990}, size_t{4'060}, size_t{5'000}, size_t{200'000}}) {
    Chain out;
    std::string value(size, 'v');
    encode(pool, out, {"SET", value, "NX"});
    EXPECT_EQ(out.to_string(), "*3\r\n$3\r\nSET\r\n$" + std::to_string(size) + "\r\n" + value + "\r\n$2\r\nNX\r\n");
  }
}

TEST(Script, is_named_as_redis_names_it) {
  EXPECT_EQ(Script("return 1").digest(), "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
}

}  // namespace
}  // namespace sluice::redis

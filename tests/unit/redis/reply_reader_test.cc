#include "redis/reply_reader.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::redis {
namespace {

/// As one line: "[+OK (nil) :7 'text' -ERR no [...]]".
std::string shown(const Reply& reply) {
  switch (reply.type) {
    case Reply::Type::nil: return "(nil)";
    case Reply::Type::status: return "+" + std::string(reply.text);
    case Reply::Type::error: return "-" + std::string(reply.text);
    case Reply::Type::integer: return ":" + std::to_string(reply.integer);
    case Reply::Type::text: return "'" + std::string(reply.text) + "'";
    case Reply::Type::array: break;
  }
  std::string all = "[";
  for (const Reply& item : reply.items) all += (all.size() > 1 ? " " : "") + shown(item);
  return all + "]";
}

struct Case {
  const char* bytes;
  const char* replies;   // joined by " | "; then "!code" after an error
};

std::string read_all(std::string_view bytes, size_t piece) {
  BlockPool pool;
  ReplyReader reader(pool);
  std::string all;
  while (!bytes.empty()) {
    reader.feed(bytes.substr(0, piece));
    bytes.remove_prefix(std::min(piece, bytes.size()));
    for (;;) {
      auto reply = reader.next();
      if (!reply) return all + "!" + std::string(code_name(reply.error().code));
      if (*reply == nullptr) break;
      all += (all.empty() ? "" : " | ") + shown(**reply);
    }
  }
  return all;
}

constexpr Case kCases[] = {
    {"+OK\r\n", "+OK"},
    {"-ERR no\r\n:7\r\n", "-ERR no | :7"},
    {"$4\r\nwith\r\n$0\r\n\r\n$-1\r\n", "'with' | '' | (nil)"},
    {"$4\r\n\r\n\r\n\r\n", "'\r\n\r\n'"},
    {"*-1\r\n*0\r\n", "(nil) | []"},
    {"*3\r\n:1\r\n*2\r\n$1\r\na\r\n*1\r\n+x\r\n-E\r\n:-9223372036854775808\r\n",
     "[:1 ['a' [+x]] -E] | :-9223372036854775808"},
    {"HTTP/1.1 400 Bad Request\r\n", "!bad_message"},
    {"+fine\r\n%2\r\n", "+fine | !bad_message"},
    {"*2147483647\r\n", "!too_large"},
    {"*65537\r\n", "!too_large"},
    {"*2\r\n*65000\r\n", ""},
    {"*4294967298\r\n", "!bad_message"},
    {"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n+deep\r\n", "!bad_message"},
};

TEST(ReplyReader, reads_replies_whole_and_in_pieces) {
  for (const Case& each : kCases) {
    for (size_t piece : {size_t{1}, size_t{2}, size_t{7}, size_t{4096}}) {
      std::string all = read_all(each.bytes, piece);
      if (all.ends_with(" | ")) all.resize(all.size() - 3);
      std::string wanted = each.replies;
      // An error after replies stands right behind them.
      if (size_t at = wanted.find(" | !"); at != wanted.npos) wanted.erase(at, 3);
      EXPECT_EQ(all, wanted) << each.bytes << " in pieces of " << piece;
    }
  }
}

TEST(ReplyReader, bounds_the_bytes_of_a_reply) {
  std::string just = "$" + std::to_string(kReplyBytesMax - 100) + "\r\n" + std::string(kReplyBytesMax - 100, 'x') + "\r\n";
  EXPECT_EQ(read_all(just, 65536).size(), kReplyBytesMax - 100 + 2);
  std::string more = "$" + std::to_string(kReplyBytesMax * 2) + "\r\n" + std::string(kReplyBytesMax * 2, 'x');
  EXPECT_EQ(read_all(more, 65536), "!too_large");
  std::string many = "*40000\r\n";
  for (int i = 0; i < 40'000; ++i) many += "$30\r\n" + std::string(30, 'x') + "\r\n";
  EXPECT_EQ(read_all(many, 65536), "!too_large");
}

TEST(ReplyReader, bounds_the_items_of_all_levels_together) {
  std::string nested = "*3\r\n";
  for (int i = 0; i < 3; ++i) {
    nested += "*30000\r\n";
    for (int item = 0; item < 30'000; ++item) nested += ":1\r\n";
  }
  EXPECT_EQ(read_all(nested, 65536), "!too_large");
}

TEST(ReplyReader, holds_no_memory_between_replies) {
  BlockPool pool;
  ReplyReader reader(pool);
  std::string large = "$100000\r\n" + std::string(100'000, 'x') + "\r\n";
  reader.feed(large);
  ASSERT_TRUE(*reader.next() != nullptr);
  EXPECT_GT(pool.blocks_out(), 0U);
  EXPECT_EQ(*reader.next(), nullptr);
  EXPECT_EQ(pool.blocks_out(), 0U);
}

TEST(ReplyReader, begins_anew_after_reset) {
  BlockPool pool;
  ReplyReader reader(pool);
  reader.feed("*2\r\n+half");
  EXPECT_EQ(*reader.next(), nullptr);
  reader.reset();
  reader.feed("+OK\r\n");
  EXPECT_EQ((*reader.next())->text, "OK");
  reader.feed("nonsense\r\n");
  EXPECT_FALSE(reader.next());
  reader.reset();
  reader.feed(":1\r\n");
  EXPECT_EQ((*reader.next())->integer, 1);
}

}  // namespace
}  // namespace sluice::redis

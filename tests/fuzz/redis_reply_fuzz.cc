// Replies of a hostile Redis: whatever comes, however it is cut, is read the same or refused the same way, within
// the limits; a redirect in an error is within its bounds.
#include "redis/reply_reader.h"

#include <string>

#include "fuzz.h"
#include "redis/slot.h"

using namespace sluice;

namespace {

size_t items_of(const redis::Reply& reply, size_t depth) {
  CLAIM(depth <= redis::kReplyDepthMax + 1);
  CLAIM(reply.is(redis::Reply::Type::array) || reply.items.empty());
  size_t sum = reply.items.size();
  for (const redis::Reply& item : reply.items) sum += items_of(item, depth + 1);
  return sum;
}

void append(std::string& out, const redis::Reply& reply) {
  out += std::to_string(static_cast<int>(reply.type)) + ":" + std::to_string(reply.integer) + ":";
  out += reply.text;
  if (reply.is(redis::Reply::Type::error)) {
    redis::error_kind(reply.text);
    if (auto redirect = redis::parse_redirect(reply.text)) CLAIM(redirect->slot < redis::kSlots && redirect->port > 0);
  }
  for (const redis::Reply& item : reply.items) append(out, item);
  out += '\n';
}

std::string read(BlockPool& pool, std::string_view bytes, size_t piece) {
  redis::ReplyReader reader(pool);
  std::string out;
  while (!bytes.empty()) {
    reader.feed(bytes.substr(0, piece));
    bytes.remove_prefix(std::min(piece, bytes.size()));
    for (;;) {
      auto reply = reader.next();
      if (!reply) return out + "failed";
      if (*reply == nullptr) break;
      CLAIM(items_of(**reply, 1) <= redis::kReplyItemsMax);
      append(out, **reply);
    }
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes = text_of(data, size);
  BlockPool pool;
  std::string whole = read(pool, bytes, bytes.size() + 1);
  CLAIM(read(pool, bytes, 1) == whole);
  CLAIM(read(pool, bytes, 13) == whole);
  CLAIM(pool.blocks_out() <= 1);   // the scratch block at most
  return 0;
}

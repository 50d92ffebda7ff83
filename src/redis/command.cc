#include "redis/command.h"

#include <cstring>

#include "base/text.h"
#include "crypto/sha1.h"

namespace sluice::redis {
namespace {

constexpr size_t kHeadBytesMax = 32;   // '*' or '$', a number, CRLF

char* write_head(char* out, char sign, size_t number) {
  *out++ = sign;
  out = write_decimal(out, number);
  *out++ = '\r';
  *out++ = '\n';
  return out;
}

char* write_argument(char* out, std::string_view argument) {
  out = write_head(out, '$', argument.size());
  if (!argument.empty()) std::memcpy(out, argument.data(), argument.size());
  out += argument.size();
  *out++ = '\r';
  *out++ = '\n';
  return out;
}

}  // namespace

Script::Script(std::string source) : source_(std::move(source)), digest_(crypto::sha1_hex(source_)) {}

void encode_arguments(BlockPool& pool, Chain& out, std::span<const std::string_view> arguments) {
  for (std::string_view argument : arguments) {
    size_t room = argument.size() + kHeadBytesMax;
    if (room <= BlockPool::kSmall) {   // one piece, next to the one before
      Slice slice = pool.scratch(room);
      char* end = write_argument(const_cast<char*>(slice.data), argument);
      pool.shrink_scratch(end);
      slice.size = static_cast<size_t>(end - slice.data);
      out.append(slice);
      continue;
    }
    char head[kHeadBytesMax];
    out.append_copy(pool, {head, static_cast<size_t>(write_head(head, '$', argument.size()) - head)});
    out.append_copy(pool, argument);
    out.append_copy(pool, "\r\n");
  }
}

void encode_count(BlockPool& pool, Chain& out, size_t count) {
  char head[kHeadBytesMax];
  out.append_copy(pool, {head, static_cast<size_t>(write_head(head, '*', count) - head)});
}

void encode(BlockPool& pool, Chain& out, std::span<const std::string_view> arguments) {
  encode_count(pool, out, arguments.size());
  encode_arguments(pool, out, arguments);
}

}  // namespace sluice::redis

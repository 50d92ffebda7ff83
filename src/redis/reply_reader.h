// Bytes from Redis to replies (RESP2), over hiredis' reader with our own memory and limits. No I/O.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "base/arena.h"
#include "base/result.h"
#include "redis/reply.h"

struct redisReader;
struct redisReadTask;

namespace sluice::redis {

/// Above the slot table of a cluster of a hundred nodes, and any record we keep.
inline constexpr size_t kReplyBytesMax = 1 << 20;
/// Items of one reply, all levels together: hiredis asks for them before their bytes have come.
inline constexpr size_t kReplyItemsMax = 64 * 1024;
/// Arrays, one within the other: hiredis' own limit, and CLUSTER SLOTS needs three.
inline constexpr size_t kReplyDepthMax = 8;

class ReplyReader {
 public:
  explicit ReplyReader(BlockPool& pool);
  ReplyReader(const ReplyReader&) = delete;
  ~ReplyReader();

  void feed(std::string_view bytes);
  /// gives: the next whole reply, valid until the next call; nullptr when more bytes are needed
  /// errors: bad_message: this is no Redis; too_large: a limit above. Nothing can be read after that
  Result<const Reply*> next();
  /// For another connection.
  void reset();

 private:
  struct Free {
    void operator()(redisReader* reader) const;
  };
  struct Functions;   // what hiredis calls

  Reply* place(const redisReadTask& task);

  std::unique_ptr<redisReader, Free> reader_;
  Arena arena_;
  size_t items_ = 0;   // of the reply under way
  size_t bytes_ = 0;
  bool delivered_ = false;   // what is in the arena has been read by our caller
  bool too_large_ = false;
};

}  // namespace sluice::redis

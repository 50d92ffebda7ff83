#include "redis/reply_reader.h"

#include <hiredis/read.h>

#include <new>

namespace sluice::redis {

struct ReplyReader::Functions {
  static ReplyReader& of(const redisReadTask* task) {
    // The reader gives its privdata to the outermost task, and each task to those within it.
    return *static_cast<ReplyReader*>(task->privdata);
  }
  static void* text(const redisReadTask* task, char* data, size_t size) {
    ReplyReader& self = of(task);
    Reply* reply = self.place(*task);
    if (reply == nullptr) return nullptr;
    reply->type = task->type == REDIS_REPLY_ERROR    ? Reply::Type::error
                  : task->type == REDIS_REPLY_STATUS ? Reply::Type::status
                                                     : Reply::Type::text;
    reply->text = self.arena_.copy({data, size});
    self.bytes_ += size;
    return reply;
  }
  static void* array(const redisReadTask* task, int count) {
    ReplyReader& self = of(task);
    Reply* reply = self.place(*task);
    if (reply == nullptr) return nullptr;
    reply->type = Reply::Type::array;
    auto wanted = static_cast<size_t>(count);
    if (count < 0 || wanted > kReplyItemsMax - self.items_) {
      self.too_large_ = true;
      return nullptr;
    }
    self.items_ += wanted;
    if (wanted == 0) return reply;
    Reply* items = self.arena_.array<Reply>(wanted);
    for (size_t i = 0; i < wanted; ++i) new (&items[i]) Reply;
    reply->items = {items, wanted};
    return reply;
  }
  static void* integer(const redisReadTask* task, long long value) {
    Reply* reply = of(task).place(*task);
    if (reply == nullptr) return nullptr;
    reply->type = Reply::Type::integer;
    reply->integer = value;
    return reply;
  }
  static void* nil(const redisReadTask* task) { return of(task).place(*task); }
  static void free(void*) {}   // the arena's

  static inline redisReplyObjectFunctions table{&text, &array, &integer, &nil, &free};
};

void ReplyReader::Free::operator()(redisReader* reader) const { redisReaderFree(reader); }

ReplyReader::ReplyReader(BlockPool& pool) : arena_(pool) { reset(); }
ReplyReader::~ReplyReader() = default;

void ReplyReader::reset() {
  reader_.reset(redisReaderCreateWithFunctions(&Functions::table));
  if (!reader_) throw std::bad_alloc();
  reader_->privdata = this;
  arena_.reset();
  items_ = bytes_ = 0;
  delivered_ = too_large_ = false;
}

// The place that the array around it has made for it.
Reply* ReplyReader::place(const redisReadTask& task) {
  if (task.parent == nullptr) return arena_.make<Reply>();
  auto* array = static_cast<const Reply*>(task.parent->obj);
  auto index = static_cast<size_t>(task.idx);
  if (array == nullptr || index >= array->items.size()) return nullptr;
  return const_cast<Reply*>(&array->items[index]);
}

void ReplyReader::feed(std::string_view bytes) {
  redisReaderFeed(reader_.get(), bytes.data(), bytes.size());
}

Result<const Reply*> ReplyReader::next() {
  const Error large{Code::too_large, Side::upstream, Progress::sent, "a reply over the limit"};
  const Error bad{Code::bad_message, Side::upstream, Progress::sent, "not the protocol of Redis"};
  if (delivered_) {
    arena_.reset();
    items_ = bytes_ = 0;
    delivered_ = false;
  }
  void* reply = nullptr;
  if (redisReaderGetReply(reader_.get(), &reply) != REDIS_OK) return too_large_ ? large : bad;
  if (reply == nullptr) {
    size_t waiting = reader_->len - reader_->pos;
    if (bytes_ + waiting > kReplyBytesMax) return large;
    return nullptr;
  }
  delivered_ = true;
  return static_cast<const Reply*>(reply);
}

}  // namespace sluice::redis

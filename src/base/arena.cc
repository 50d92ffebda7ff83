#include "base/arena.h"

#include <cstring>

#include "base/text.h"

namespace sluice {

void* Arena::grow(size_t bytes, size_t align) {
  BlockRef block = pool_->take(bytes + align + sizeof(Header));
  used_before_ += static_cast<size_t>(at_ - begin_);
  new (block->data()) Header{blocks_};
  begin_ = block->data() + sizeof(Header);
  at_ = begin_;
  end_ = block->data() + block->capacity();
  blocks_ = block.get();
  block.release();
  return allocate(bytes, align);
}

void Arena::reset() {
  while (blocks_) {
    Block* next = reinterpret_cast<Header*>(blocks_->data())->next;
    BlockRef::adopt(blocks_).reset();
    blocks_ = next;
  }
  begin_ = at_ = end_ = nullptr;
  used_before_ = 0;
}

std::string_view Arena::copy(std::string_view source) {
  if (source.empty()) return {};
  char* out = text(source.size());
  std::memcpy(out, source.data(), source.size());
  return {out, source.size()};
}

std::string_view Arena::lower(std::string_view source) {
  if (source.empty()) return {};
  char* out = text(source.size());
  for (size_t i = 0; i < source.size(); ++i) out[i] = ascii_lower(source[i]);
  return {out, source.size()};
}

std::string_view Arena::join(std::string_view a, std::string_view b, std::string_view c) {
  char* begin = text(a.size() + b.size() + c.size());
  char* out = begin;
  for (std::string_view part : {a, b, c}) {
    if (part.empty()) continue;   // its data may be null, which memcpy must not see
    std::memcpy(out, part.data(), part.size());
    out += part.size();
  }
  return {begin, static_cast<size_t>(out - begin)};
}

}  // namespace sluice

#include "base/chain.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

namespace sluice {

BlockPool::~BlockPool() {
  scratch_.reset();
  trim();
  CHECK(blocks_out_ == 0);   // a block that outlives its worker would be freed into nothing
  while (link_pages_) {
    Link* page = link_pages_;
    link_pages_ = page->next;
    std::free(page);
  }
  if (share_) share_->give(link_bytes_);
}

void* BlockPool::allocate(size_t bytes, size_t& counted) {
  void* memory = std::malloc(bytes);
  if (memory == nullptr) throw std::bad_alloc();
  counted += bytes;
  if (share_) share_->take(bytes);
  return memory;
}

void BlockPool::free_block(Block& block) {
  size_t bytes = sizeof(Block) + block.capacity_;
  bytes_held_ -= bytes;
  if (share_) share_->give(bytes);
  std::free(&block);
}

BlockRef BlockPool::take(size_t bytes) {
  size_t index = 0;
  while (index < kClasses && kSizes[index] < bytes) ++index;
  ++blocks_out_;
  if (index < kClasses && free_[index]) {
    Block* block = free_[index];
    free_[index] = block->next_free_;
    --free_count_[index];
    return BlockRef{block};
  }
  size_t capacity = index < kClasses ? kSizes[index] : bytes;
  return BlockRef{new (allocate(sizeof(Block) + capacity, bytes_held_)) Block(*this, capacity)};
}

void BlockPool::give_back(Block& block) {
  --blocks_out_;
  for (size_t index = 0; index < kClasses; ++index) {
    if (block.capacity_ != kSizes[index]) continue;
    if (free_count_[index] == kReserve[index] || short_of_memory()) break;
    block.next_free_ = free_[index];
    free_[index] = &block;
    ++free_count_[index];
    return;
  }
  free_block(block);
}

void BlockPool::trim() {
  for (size_t index = 0; index < kClasses; ++index) {
    while (Block* block = free_[index]) {
      free_[index] = block->next_free_;
      free_block(*block);
    }
    free_count_[index] = 0;
  }
}

Slice BlockPool::scratch(size_t bytes) {
  CHECK(bytes <= kMedium);
  if (scratch_ && scratch_->refs() == 1) scratch_used_ = 0;   // everything written: start over
  if (!scratch_ || scratch_used_ + bytes > scratch_->capacity()) {
    scratch_ = take(kMedium);
    scratch_used_ = 0;
  }
  Slice slice{scratch_.get(), scratch_->data() + scratch_used_, bytes};
  scratch_used_ += bytes;
  return slice;
}

BlockPool::Link* BlockPool::take_link() {
  if (!free_links_) {
    auto* page = static_cast<Link*>(allocate(sizeof(Link) * (kLinksPerPage + 1), link_bytes_));
    page->next = link_pages_;
    link_pages_ = page;
    for (size_t i = 1; i <= kLinksPerPage; ++i) give_link(page + i);
  }
  Link* link = free_links_;
  free_links_ = link->next;
  return link;
}

void Chain::release_all() {
  while (head_) {
    BlockPool::Link* link = head_;
    head_ = link->next;
    BlockRef held = BlockRef::adopt(link->block);   // the link's own count
    held->pool().give_link(link);
  }
  tail_ = nullptr;
  size_ = 0;
}

void Chain::append(const Slice& slice) {
  if (slice.size == 0) return;
  if (tail_ && tail_->block == slice.block && tail_->data + tail_->size == slice.data) {
    tail_->size += slice.size;
    size_ += slice.size;
    return;
  }
  BlockPool::Link* link = slice.block->pool().take_link();
  ++slice.block->refs_;
  *link = {nullptr, slice.block, slice.data, slice.size};
  (tail_ ? tail_->next : head_) = link;
  tail_ = link;
  size_ += slice.size;
}

void Chain::append(Chain&& other) {
  if (!other.head_) return;
  const BlockPool::Link& first = *other.head_;
  if (tail_ && tail_->block == first.block && tail_->data + tail_->size == first.data) {
    // A body copied right behind its head: one piece for the kernel too.
    size_t bytes = first.size;
    tail_->size += bytes;
    size_ += bytes;
    other.drop_front(bytes);
    if (!other.head_) return;
  }
  (tail_ ? tail_->next : head_) = other.head_;
  tail_ = other.tail_;
  size_ += other.size_;
  other.head_ = other.tail_ = nullptr;
  other.size_ = 0;
}

void Chain::prepend(Chain&& other) {
  other.append(std::move(*this));
  *this = std::move(other);
}

void Chain::append_copy(BlockPool& pool, std::string_view bytes) {
  while (!bytes.empty()) {
    size_t part = std::min(bytes.size(), BlockPool::kRead);
    if (part <= BlockPool::kSmall) {
      Slice slice = pool.scratch(part);
      std::memcpy(const_cast<char*>(slice.data), bytes.data(), part);
      append(slice);
    } else {
      BlockRef block = pool.take(part);
      std::memcpy(block->data(), bytes.data(), part);
      append(Slice{block.get(), block->data(), part});
    }
    bytes.remove_prefix(part);
  }
}

void Chain::compact(BlockPool& pool) {
  bool wasteful = false;
  each([&](const Slice& slice) {
    wasteful |= slice.block->capacity() > BlockPool::kMedium && slice.size < slice.block->capacity() / 4;
  });
  if (!wasteful) return;
  Chain packed;
  each([&](const Slice& slice) {
    bool copy = slice.block->capacity() > BlockPool::kMedium && slice.size < slice.block->capacity() / 4;
    if (copy) packed.append_copy(pool, slice.view());
    else packed.append(slice);
  });
  *this = std::move(packed);
}

Chain Chain::share() const {
  Chain copy;
  each([&](const Slice& slice) { copy.append(slice); });
  return copy;
}

void Chain::drop_front(size_t bytes) {
  DCHECK(bytes <= size_);
  size_ -= bytes;
  while (bytes > 0) {
    if (bytes < head_->size) {
      head_->data += bytes;
      head_->size -= bytes;
      return;
    }
    bytes -= head_->size;
    BlockPool::Link* link = head_;
    head_ = link->next;
    BlockRef held = BlockRef::adopt(link->block);
    held->pool().give_link(link);
  }
  if (!head_) tail_ = nullptr;
}

Chain Chain::split(size_t bytes) {
  Chain first;
  if (bytes >= size_) return std::move(*this);
  while (bytes > 0) {
    size_t part = std::min(bytes, head_->size);
    first.append(Slice{head_->block, head_->data, part});
    drop_front(part);
    bytes -= part;
  }
  return first;
}

size_t Chain::gather(iovec* out, size_t max) const {
  size_t count = 0;
  for (const BlockPool::Link* at = head_; at && count < max; at = at->next, ++count) {
    out[count] = {const_cast<char*>(at->data), at->size};
  }
  return count;
}

void Chain::copy_to(char* out) const {
  each([&](const Slice& slice) {
    std::memcpy(out, slice.data, slice.size);
    out += slice.size;
  });
}

std::string Chain::to_string() const {
  std::string text(size_, '\0');
  copy_to(text.data());
  return text;
}

}  // namespace sluice

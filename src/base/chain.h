// The only body buffer: a chain of slices of reference-counted blocks. Blocks and slices come from the
// worker's BlockPool and never cross threads (the counts are plain integers).
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "base/shared_memory.h"

namespace sluice {

class BlockPool;
class Chain;

/// Memory with a count. Create through BlockPool only.
class Block {
 public:
  char* data() { return reinterpret_cast<char*>(this + 1); }
  size_t capacity() const { return capacity_; }
  uint32_t refs() const { return refs_; }
  BlockPool& pool() const { return *pool_; }

 private:
  friend class BlockPool;
  friend class BlockRef;
  friend class Chain;
  Block(BlockPool& pool, size_t capacity) : pool_(&pool), capacity_(capacity) {}
  BlockPool* pool_;
  Block* next_free_ = nullptr;
  size_t capacity_;
  uint32_t refs_ = 0;
};

/// Shared ownership of a Block, within one worker.
class BlockRef {
 public:
  BlockRef() = default;
  explicit BlockRef(Block* block) : block_(block) { if (block_) ++block_->refs_; }
  BlockRef(const BlockRef& other) : BlockRef(other.block_) {}
  BlockRef(BlockRef&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  BlockRef& operator=(BlockRef other) noexcept { std::swap(block_, other.block_); return *this; }
  ~BlockRef() { reset(); }

  void reset();
  /// Gives the count to the caller, who hands it back through adopt().
  Block* release() { return std::exchange(block_, nullptr); }
  static BlockRef adopt(Block* block) { BlockRef ref; ref.block_ = block; return ref; }
  Block* get() const { return block_; }
  Block* operator->() const { return block_; }
  explicit operator bool() const { return block_ != nullptr; }

 private:
  Block* block_ = nullptr;
};

/// Bytes inside a block. Plain view: valid while somebody holds the block.
struct Slice {
  Block* block = nullptr;
  const char* data = nullptr;
  size_t size = 0;
  std::string_view view() const { return {data, size}; }
};

/// Free lists of blocks (four sizes) and of chain links, for one worker. Gives memory above a small
/// reserve back to the system.
class BlockPool {
 public:
  static constexpr size_t kSmall = 4 * 1024 - sizeof(Block);       // one page: arenas, stashes
  static constexpr size_t kMedium = 16 * 1024 - sizeof(Block);     // one TLS record
  static constexpr size_t kRead = 64 * 1024 - sizeof(Block);       // the worker's read buffer
  static constexpr size_t kBulk = 256 * 1024 - sizeof(Block);      // the same while a large body streams

  BlockPool() = default;
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;
  ~BlockPool();

  /// gives: a block of at least `bytes`, of the next of the four sizes; larger ones are allocated singly
  BlockRef take(size_t bytes);

  /// Copies small writes of one turn into a shared block, one after the other.
  /// gives: a slice of `bytes` (at most kMedium) uninitialised bytes; hold it by Chain::append
  Slice scratch(size_t bytes);
  /// Gives back the unused end of the last scratch.
  void shrink_scratch(const char* used_end) { scratch_used_ = static_cast<size_t>(used_end - scratch_->data()); }

  /// Blocks handed out at present, and bytes of all blocks that exist (for tests and metrics).
  size_t blocks_out() const { return blocks_out_; }
  size_t bytes_held() const { return bytes_held_; }
  /// Frees every block that nobody holds.
  void trim();

  /// Reports from now on what it takes from the system and gives back. needs: `share` to outlive it
  void count_in(MemoryShare& share) {
    share_ = &share;
    share.take(bytes_held_ + link_bytes_);
  }
  void forget_share() {
    if (share_) share_->give(bytes_held_ + link_bytes_);
    share_ = nullptr;
  }
  MemoryShare* share() const { return share_; }
  /// The process holds all the memory that it may: whoever can wait takes no more.
  bool short_of_memory() const { return share_ && share_->full(); }

 private:
  friend class Chain;
  friend class BlockRef;
  struct Link {
    Link* next;
    Block* block;
    const char* data;
    size_t size;
  };
  static constexpr size_t kClasses = 4;
  static constexpr std::array<size_t, kClasses> kSizes = {kSmall, kMedium, kRead, kBulk};
  static constexpr std::array<size_t, kClasses> kReserve = {1024, 16, 8, 2};   // at most 5.3 MiB stay, after much load
  static constexpr size_t kLinksPerPage = 127;

  void give_back(Block& block);
  void* allocate(size_t bytes, size_t& counted);
  void free_block(Block& block);
  Link* take_link();
  void give_link(Link* link) { link->next = free_links_; free_links_ = link; }

  std::array<Block*, kClasses> free_{};
  std::array<size_t, kClasses> free_count_{};
  Link* free_links_ = nullptr;
  Link* link_pages_ = nullptr;    // first link of each page chains the pages
  BlockRef scratch_;
  size_t scratch_used_ = 0;
  size_t blocks_out_ = 0;
  size_t bytes_held_ = 0;
  size_t link_bytes_ = 0;
  MemoryShare* share_ = nullptr;
};

inline void BlockRef::reset() {
  if (block_ && --block_->refs_ == 0) block_->pool().give_back(*block_);
  block_ = nullptr;
}

/// A queue of slices. Moving is cheap; copying is spelled `share`.
class Chain {
 public:
  Chain() = default;
  Chain(Chain&& other) noexcept
      : head_(std::exchange(other.head_, nullptr)), tail_(std::exchange(other.tail_, nullptr)),
        size_(std::exchange(other.size_, 0)) {}
  Chain& operator=(Chain&& other) noexcept {
    if (this != &other) {
      clear();
      head_ = std::exchange(other.head_, nullptr);
      tail_ = std::exchange(other.tail_, nullptr);
      size_ = std::exchange(other.size_, 0);
    }
    return *this;
  }
  ~Chain() { clear(); }

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  void clear() { if (head_) release_all(); }   // most chains are empty when they go

  /// Shares bytes of a block: no copy.
  void append(const Slice& slice);
  void append(Chain&& other);
  void prepend(Chain&& other);
  /// Copies.
  void append_copy(BlockPool& pool, std::string_view bytes);
  /// For bytes that stay: copies slices that pin a much larger block (less than a quarter of it is used).
  void compact(BlockPool& pool);
  /// Another chain over the same blocks.
  Chain share() const;

  std::string_view front() const {
    return head_ ? std::string_view{head_->data, head_->size} : std::string_view{};
  }
  Slice front_slice() const {
    return head_ ? Slice{head_->block, head_->data, head_->size} : Slice{};
  }
  void drop_front(size_t bytes);
  /// Takes the first `bytes` (at most size()) out of this chain.
  Chain split(size_t bytes);

  /// gives: how many of `out` were filled
  size_t gather(iovec* out, size_t max) const;
  void copy_to(char* out) const;
  std::string to_string() const;

  /// Calls visit(Slice) on each slice in order.
  template <class Visit>
  void each(Visit visit) const {
    for (const BlockPool::Link* at = head_; at; at = at->next) visit(Slice{at->block, at->data, at->size});
  }

 private:
  void release_all();
  BlockPool::Link* head_ = nullptr;
  BlockPool::Link* tail_ = nullptr;
  size_t size_ = 0;
};

}  // namespace sluice

// Memory of one Exchange: bump allocation from pool blocks, freed all at once. Destructors are not run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/chain.h"

namespace sluice {

class Arena {
 public:
  explicit Arena(BlockPool& pool) : pool_(&pool) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena() { reset(); }

  /// gives: uninitialised memory, valid until reset; cost: a few instructions, a block now and then
  void* allocate(size_t bytes, size_t align = alignof(std::max_align_t)) {
    uintptr_t at = (reinterpret_cast<uintptr_t>(at_) + align - 1) & ~(align - 1);
    if (at + bytes > reinterpret_cast<uintptr_t>(end_) || at_ == nullptr) return grow(bytes, align);
    at_ = reinterpret_cast<char*>(at + bytes);
    return reinterpret_cast<void*>(at);
  }

  template <class T, class... Args>
  T* make(Args&&... args) {
    static_assert(std::is_trivially_destructible_v<T>, "an arena runs no destructors");
    return new (allocate(sizeof(T), alignof(T))) T(std::forward<Args>(args)...);
  }
  template <class T>
  T* array(size_t count) {
    static_assert(std::is_trivially_destructible_v<T> && std::is_trivially_copyable_v<T>);
    return static_cast<T*>(allocate(sizeof(T) * count, alignof(T)));
  }
  char* text(size_t bytes) { return static_cast<char*>(allocate(bytes, 1)); }

  std::string_view copy(std::string_view source);
  /// ASCII lower case copy.
  std::string_view lower(std::string_view source);
  std::string_view join(std::string_view a, std::string_view b, std::string_view c = {});
  /// Gives back the unused end of the last allocation, when `used_end` lies within it.
  void shrink(char* used_end) {
    if (used_end <= at_ && used_end >= begin_) at_ = used_end;
  }

  void reset();
  size_t bytes_used() const { return used_before_ + static_cast<size_t>(at_ - begin_); }

 private:
  struct Header { Block* next; };   // at the start of every block
  void* grow(size_t bytes, size_t align);

  BlockPool* pool_;
  Block* blocks_ = nullptr;
  char* begin_ = nullptr;
  char* at_ = nullptr;
  char* end_ = nullptr;
  size_t used_before_ = 0;
};

}  // namespace sluice

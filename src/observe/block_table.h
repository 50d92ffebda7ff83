// Blocks of counters by id, made on first use by the one worker that writes them and read by the
// scrape: 10,000 routes that a worker never serves cost it nothing. Ids come from
// observe/registry.h.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/check.h"

namespace sluice::observe {

template <class T>
class BlockTable {
 public:
  static constexpr uint32_t kPageIds = 256;
  static constexpr uint32_t kIdsMax = 65'536;   // above SeriesNames::kNamesMax; top level 2 KiB

  BlockTable() = default;
  BlockTable(const BlockTable&) = delete;
  BlockTable& operator=(const BlockTable&) = delete;
  ~BlockTable() {
    for (auto& slot : pages_) {
      Page* page = slot.load(std::memory_order_relaxed);
      if (page == nullptr) continue;
      for (auto& block : page->blocks) delete block.load(std::memory_order_relaxed);
      delete page;
    }
  }

  /// Writer only. gives: the block, which stays where it is until drop(id)
  /// cost: two loads; an allocation on first use of an id
  T& at(uint32_t id) {
    if (T* block = const_cast<T*>(find(id))) return *block;
    return add(id);
  }

  /// Any thread. gives: nullptr when the writer never used the id
  const T* find(uint32_t id) const {
    CHECK(id < kIdsMax);
    const Page* page = pages_[id / kPageIds].load(std::memory_order_acquire);
    return page == nullptr ? nullptr : page->blocks[id % kPageIds].load(std::memory_order_acquire);
  }

  /// Frees a block. needs: no writer uses the id any more, no reader reads it now
  void drop(uint32_t id) {
    Page* page = pages_[id / kPageIds].load(std::memory_order_acquire);
    if (page == nullptr) return;
    delete page->blocks[id % kPageIds].exchange(nullptr, std::memory_order_acq_rel);
  }

 private:
  struct Page { std::array<std::atomic<T*>, kPageIds> blocks{}; };

  T& add(uint32_t id) {
    std::atomic<Page*>& slot = pages_[id / kPageIds];
    Page* page = slot.load(std::memory_order_relaxed);
    if (page == nullptr) {
      page = new Page;
      slot.store(page, std::memory_order_release);
    }
    auto block = std::make_unique<T>();
    page->blocks[id % kPageIds].store(block.get(), std::memory_order_release);
    return *block.release();
  }

  std::array<std::atomic<Page*>, kIdsMax / kPageIds> pages_{};
};

}  // namespace sluice::observe

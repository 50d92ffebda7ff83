// Objects of one type from page-sized slabs, for one worker. A page that is wholly free is given back.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <utility>

#include "base/check.h"
#include "base/list.h"
#include "base/shared_memory.h"

namespace sluice {

template <class T>
class Slab {
 public:
  Slab() = default;
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;
  ~Slab() {
    CHECK(live_ == 0);
    while (!partial_.empty()) free_page(partial_.front());
  }

  template <class... Args>
  T* make(Args&&... args) {
    if (partial_.empty()) add_page();
    Page& page = partial_.front();
    Cell* cell = page.free;
    page.free = cell->next;
    if (page.used == 0) --spare_;
    if (++page.used == cells()) static_cast<ListHook<PageTag>&>(page).unlink();
    ++live_;
    return new (cell) T(std::forward<Args>(args)...);
  }

  void destroy(T* object) {
    object->T::~T();   // made here, so it is no other class
    Page& page = page_of(object);
    auto* cell = reinterpret_cast<Cell*>(object);
    cell->next = page.free;
    page.free = cell;
    if (page.used == cells()) partial_.push_front(page);
    --live_;
    if (--page.used > 0) return;
    // Some empty pages stay, so that load that comes and goes does not map and unmap; last in line, so
    // that pages in use fill up first.
    bool keep = (spare_ + 1) * page_bytes() <= kSpareBytes && !(share_ && share_->full());
    if (!keep) return free_page(page);
    ++spare_;
    static_cast<ListHook<PageTag>&>(page).unlink();
    partial_.push_back(page);
  }

  /// Memory that stays for the next objects.
  static constexpr size_t kSpareBytes = 1024 * 1024;   // 700 exchanges: what 512 busy connections need

  /// Reports from now on the pages that it takes and gives back. needs: `share` to outlive it, or null
  void count_in(MemoryShare* share) {
    share_ = share;
    if (share_) share_->take(pages_ * page_bytes());
  }

  /// Calls visit(T&) on every object, in no order; visit may make and destroy none.
  /// cost: every cell is looked at; nothing else pays for it
  template <class Visit>
  void each(Visit visit) {
    every_.each([&](Page& page) {
      if (page.used == 0) return;
      std::array<bool, cells()> free{};
      Cell* first = first_cell(page);
      for (Cell* cell = page.free; cell; cell = cell->next) free[static_cast<size_t>(cell - first)] = true;
      for (size_t i = 0; i < cells(); ++i) {
        if (!free[i]) visit(*reinterpret_cast<T*>(first + i));
      }
    });
  }

  size_t live() const { return live_; }
  /// Pages held, spare ones included.
  size_t pages() const { return pages_; }

 private:
  struct PageTag;
  struct EveryTag;
  union Cell;
  struct Page : ListHook<PageTag>, ListHook<EveryTag> {
    Cell* free = nullptr;
    size_t used = 0;
  };
  // malloc keeps this much in front of each piece of memory: with it a page would not fit behind the
  // last one, and every other page of the heap would be a hole.
  static constexpr size_t kMallocBytes = 2 * sizeof(size_t);
  // Functions, so that T may be incomplete where a Slab<T> is only a member.
  // Of 8 objects of half a kilobyte on 4 KiB, a twentieth would be lost at the page's end.
  static constexpr size_t page_bytes() { return sizeof(T) * 16 + sizeof(Page) <= 4096 ? 4096 : 16384; }
  static constexpr size_t offset() {
    return (sizeof(Page) + alignof(Cell) - 1) / alignof(Cell) * alignof(Cell);
  }
  static constexpr size_t cells() {
    constexpr size_t count = (page_bytes() - kMallocBytes - offset()) / sizeof(Cell);
    static_assert(count >= 2, "an object of a page's size needs no slab");
    return count;
  }

  static Cell* first_cell(Page& page) {
    return reinterpret_cast<Cell*>(reinterpret_cast<std::byte*>(&page) + offset());
  }
  static Page& page_of(T* object) {
    return *reinterpret_cast<Page*>(reinterpret_cast<uintptr_t>(object) & ~(page_bytes() - 1));
  }
  void add_page() {
    void* memory = nullptr;
    if (posix_memalign(&memory, page_bytes(), page_bytes() - kMallocBytes) != 0) {
      throw std::bad_alloc();
    }
    auto* page = new (memory) Page;
    Cell* first = first_cell(*page);
    for (size_t i = cells(); i-- > 0;) {
      first[i].next = page->free;
      page->free = &first[i];
    }
    ++spare_;
    every_.push_back(*page);
    partial_.push_back(*page);
    ++pages_;
    if (share_) share_->take(page_bytes());
  }
  void free_page(Page& page) {
    page.~Page();
    std::free(&page);
    --pages_;
    if (share_) share_->give(page_bytes());
  }

  List<Page, PageTag> partial_;
  List<Page, EveryTag> every_;
  size_t live_ = 0;
  size_t spare_ = 0;   // empty pages
  size_t pages_ = 0;
  MemoryShare* share_ = nullptr;
};

template <class T>
union Slab<T>::Cell {
  Cell* next;
  alignas(T) std::byte storage[sizeof(T)];
};

}  // namespace sluice

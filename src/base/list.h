// Intrusive doubly linked list: a member of any number of lists by any number of hooks, no allocation.
#pragma once

#include <cstddef>

#include "base/check.h"

namespace sluice {

/// One hook; derive with a distinct Tag for each list that a type may be in at the same time.
template <class Tag>
class ListHook {
 public:
  ListHook() = default;
  ListHook(const ListHook&) = delete;
  ListHook& operator=(const ListHook&) = delete;
  ~ListHook() { unlink(); }

  bool linked() const { return next_ != nullptr; }
  void unlink() {
    if (next_ == nullptr) return;
    next_->prev_ = prev_;
    prev_->next_ = next_;
    next_ = prev_ = nullptr;
  }

 private:
  template <class T, class U> friend class List;
  ListHook* prev_ = nullptr;
  ListHook* next_ = nullptr;
};

/// A list of T, where T derives from ListHook<Tag>. Owns nothing.
template <class T, class Tag>
class List {
 public:
  List() { head_.prev_ = head_.next_ = &head_; }
  List(const List&) = delete;
  List& operator=(const List&) = delete;
  ~List() {
    while (!empty()) pop_front();
    head_.next_ = head_.prev_ = nullptr;
  }

  bool empty() const { return head_.next_ == &head_; }
  T& front() { return static_cast<T&>(*head_.next_); }
  T& back() { return static_cast<T&>(*head_.prev_); }

  void push_back(T& item) { insert(head_, item); }
  void push_front(T& item) { insert(*head_.next_, item); }
  T& pop_front() {
    T& item = front();
    static_cast<Hook&>(item).unlink();
    return item;
  }
  T& pop_back() {
    T& item = back();
    static_cast<Hook&>(item).unlink();
    return item;
  }
  /// Moves everything of `other` to the end of this list.
  void splice_back(List& other) {
    while (!other.empty()) push_back(other.pop_front());
  }
  /// Calls visit(T&) on each; visit may unlink the item it is given and no other.
  template <class Visit>
  void each(Visit visit) {
    for (Hook* at = head_.next_; at != &head_;) {
      Hook* next = at->next_;
      visit(static_cast<T&>(*at));
      at = next;
    }
  }

 private:
  using Hook = ListHook<Tag>;
  void insert(Hook& before, T& item) {
    Hook& hook = item;
    DCHECK(!hook.linked());
    hook.next_ = &before;
    hook.prev_ = before.prev_;
    before.prev_->next_ = &hook;
    before.prev_ = &hook;
  }
  Hook head_;
};

}  // namespace sluice

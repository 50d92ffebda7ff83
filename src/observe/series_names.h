// The label sets of one table and their ids. An id belongs to its label set for as long as anything
// uses it, across any number of reloads; over the cap everything shares the id 0, "other".
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace sluice::observe {

class SeriesNames {
 public:
  static constexpr size_t kNamesMax = 20'000;   // twice the 10,000 routes of the benchmarks

  /// `other`: the rendered labels of the id 0.
  explicit SeriesNames(std::string other, size_t names_max = kNamesMax);
  SeriesNames(const SeriesNames&) = delete;
  SeriesNames& operator=(const SeriesNames&) = delete;

  /// Takes a use of the label set. gives: its id; 0 when there is no room
  uint32_t acquire(std::string_view labels);
  /// Gives a use back. gives: whether that was the last one and the id is free again
  bool release(uint32_t id);

  /// How often acquire() found no room.
  uint64_t dropped() const { return dropped_; }
  size_t size() const { return ids_.size(); }

  /// Calls visit(id, labels) on each, in the order of ids.
  template <class Visit>
  void each(Visit visit) const {
    for (uint32_t id = 0; id < entries_.size(); ++id) {
      if (entries_[id].labels != nullptr) visit(id, std::string_view(*entries_[id].labels));
    }
  }

 private:
  struct Entry {
    const std::string* labels = nullptr;   // the key in ids_; nullptr: the id is free
    uint64_t users = 0;
  };

  size_t names_max_;
  std::unordered_map<std::string, uint32_t> ids_;
  std::vector<Entry> entries_;
  std::vector<uint32_t> free_;
  uint64_t dropped_ = 0;
};

}  // namespace sluice::observe

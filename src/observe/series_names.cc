#include "observe/series_names.h"

#include <utility>

#include "base/check.h"

namespace sluice::observe {

SeriesNames::SeriesNames(std::string other, size_t names_max) : names_max_(names_max) {
  auto [at, added] = ids_.emplace(std::move(other), 0);
  entries_.push_back({&at->first, 1});
}

uint32_t SeriesNames::acquire(std::string_view labels) {
  std::string key(labels);
  if (auto found = ids_.find(key); found != ids_.end()) {
    ++entries_[found->second].users;
    return found->second;
  }
  if (ids_.size() > names_max_) {
    ++dropped_;
    return 0;
  }
  auto id = narrow<uint32_t>(entries_.size());
  if (free_.empty()) {
    entries_.emplace_back();
  } else {
    id = free_.back();
    free_.pop_back();
  }
  auto [at, added] = ids_.emplace(std::move(key), id);
  entries_[id] = {&at->first, 1};
  return id;
}

bool SeriesNames::release(uint32_t id) {
  if (id == 0) return false;   // "other" stays, whoever shared it
  CHECK(id < entries_.size() && entries_[id].users > 0);
  if (--entries_[id].users > 0) return false;
  ids_.erase(ids_.find(*entries_[id].labels));
  entries_[id].labels = nullptr;
  free_.push_back(id);
  return true;
}

}  // namespace sluice::observe

// The names behind the ids, and the shards of all workers. Belongs to the keeper: names are taken
// when a Snapshot is built, given back when the last worker has let go of it, and read by the
// scrape, all on the keeper's thread. Workers touch nothing here but the Shard that they were lent.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "observe/metrics.h"
#include "observe/series_names.h"

namespace sluice::observe {

/// Which family of ids. `endpoint` has two labels: the upstream's name and the address.
enum class Table : uint8_t { route, upstream, endpoint, listener, limit, redis };
inline constexpr size_t kTables = 6;
inline constexpr std::string_view kTableLabels[] = {"route", "upstream", "endpoint", "listener", "limit",
                                                   "redis"};

class Registry {
 public:
  explicit Registry(unsigned shards, size_t names_max = SeriesNames::kNamesMax);

  /// gives: the same id for the same name for as long as any use of it is held; kOther over the cap
  uint32_t acquire(Table table, std::string_view name);
  uint32_t acquire_endpoint(std::string_view upstream, std::string_view address);
  /// Gives a use back; with the last one the series go away, and their counts with them.
  /// needs: no worker counts under this id any more, unless another use is held
  void release(Table table, uint32_t id);

  /// Makes shards up to this many; those that are there stay where they are, and never go.
  void grow(unsigned shards);
  Shard& shard(unsigned worker) { return *shards_[worker]; }
  const std::vector<std::unique_ptr<Shard>>& shards() const { return shards_; }
  const SeriesNames& names(Table table) const { return names_[static_cast<size_t>(table)]; }

 private:
  SeriesNames& table_names(Table table) { return names_[static_cast<size_t>(table)]; }

  std::vector<std::unique_ptr<Shard>> shards_;
  std::array<SeriesNames, kTables> names_;
};

}  // namespace sluice::observe

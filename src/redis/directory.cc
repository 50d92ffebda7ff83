#include "redis/directory.h"

#include "redis/cluster.h"
#include "redis/sentinel.h"
#include "redis/single.h"

namespace sluice::redis {

std::unique_ptr<Directory> make_directory(const Parts& parts, const Options& options,
                                          Directory::Owner& owner) {
  switch (options.layout) {
    case Layout::single: return std::make_unique<SingleServer>(parts, options, owner);
    case Layout::sentinel: return std::make_unique<SentinelServer>(parts, options, owner);
    case Layout::cluster: return std::make_unique<Cluster>(parts, options, owner);
  }
  return nullptr;
}

}  // namespace sluice::redis

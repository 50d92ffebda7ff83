#include "snapshot/ip_parts.h"

#include <utility>

#include "policy/ip_filter/ip_list_file.h"

namespace sluice::snapshot {

std::shared_ptr<const IpListPart> make_ip_list(const config::Section<policy::IpListConfig>& section, BuildFaults& faults) {
  const policy::IpListConfig& from = section.value;
  auto part = std::make_shared<IpListPart>();
  part->name = section.name;
  part->fingerprint = section.fingerprint;
  std::string name = "ip_list." + section.name;
  auto inlined = std::make_shared<IpRanges>();
  for (const Cidr& range : from.addresses) inlined->add(range);
  inlined->finish();
  std::shared_ptr<const IpRanges> first = inlined;
  if (!from.file.empty()) {
    auto read = policy::IpListFile::load(from.file.path);
    if (read) {
      first = *std::move(read);
    } else {
      faults.push_back(name + ": " + from.file.path + ": " + read.error());
    }
  }
  auto list = std::make_shared<IpList>(std::move(name), std::move(first));
  if (!from.file.empty()) part->files = std::make_shared<policy::IpListFile>(from.file.path, list);
  part->list = std::move(list);
  return part;
}

namespace {

IpUnion make_union(const policy::IpSources& sources, const Snapshot& snapshot) {
  IpUnion out;
  for (const auto& source : sources) {
    out.text += (out.text.empty() ? "" : ", ") + config::TextForm<policy::IpSource>::print(source.value);
    if (source.value.list.empty()) {
      out.ranges.add(source.value.range);
    } else {
      out.lists.push_back(find_part(snapshot.ip_lists, source.value.list).list);
    }
  }
  out.ranges.finish();
  return out;
}

}  // namespace

IpFilter make_ip_filter(const policy::IpFilterConfig& config, const Snapshot& snapshot) {
  return {make_union(config.deny, snapshot), make_union(config.allow, snapshot)};
}

policy::IpLists ip_lists_of_consumers(const Snapshot& snapshot) {
  policy::IpLists out;
  for (const auto& consumer : snapshot.config.consumer) {
    for (const auto& source : consumer.value.allow_ips) {
      const std::string& name = source.value.list;
      if (!name.empty()) out[name] = find_part(snapshot.ip_lists, name).list;
    }
  }
  return out;
}

}  // namespace sluice::snapshot

// The addresses of one [ip_list.NAME] as a file.
#pragma once

#include <istream>
#include <memory>
#include <string>

#include "base/ip_filter.h"
#include "policy/live_files.h"

namespace sluice::policy {

inline constexpr size_t kIpListLineMax = 1024;           // with its comment
inline constexpr size_t kIpListRangesMax = 16'000'000;   // 128 MiB of IPv4; every list in public use is far below

/// Reads an address or range a line ("192.0.2.0/24"); empty lines and what follows "#" or ";" are passed over.
/// As a stream, so that a list of millions needs no more memory than its table.
/// errors: "line 7: ..." ; no part of a list with an error counts
Result<std::shared_ptr<const IpRanges>, std::string> read_ip_ranges(std::istream& in);

class IpListFile final : public LiveFiles {
 public:
  IpListFile(std::string path, std::shared_ptr<IpList> list) : path_(std::move(path)), list_(std::move(list)) {}
  static Result<std::shared_ptr<const IpRanges>, std::string> load(const std::string& path);

  const std::string& name() const override { return list_->name(); }
  std::vector<std::string> files() const override { return {path_}; }
  Result<FilesSummary, std::string> read() override;

 private:
  std::string path_;
  std::shared_ptr<IpList> list_;
};

}  // namespace sluice::policy

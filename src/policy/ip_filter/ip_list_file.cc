#include "policy/ip_filter/ip_list_file.h"

#include <cerrno>
#include <cstring>
#include <fstream>

#include "base/text.h"

namespace sluice::policy {

Result<std::shared_ptr<const IpRanges>, std::string> read_ip_ranges(std::istream& in) {
  auto ranges = std::make_shared<IpRanges>();
  char buffer[kIpListLineMax + 1];   // ends with a zero
  size_t count = 0;
  for (size_t number = 1; in.getline(buffer, sizeof(buffer)) || in.gcount() > 0; ++number) {
    std::string place = "line " + std::to_string(number) + ": ";
    if (in.fail()) return place + "longer than " + std::to_string(kIpListLineMax) + " bytes";
    std::string_view line(buffer, static_cast<size_t>(in.gcount()) - (in.eof() ? 0 : 1));
    line = trim_ows(line.substr(0, line.find_first_of("#;")));
    if (line.ends_with('\r')) line = trim_ows(line.substr(0, line.size() - 1));
    if (line.empty()) continue;
    auto range = Cidr::parse(line);
    if (!range) return place + "no address or range, or one with bits set behind its prefix";
    if (++count > kIpListRangesMax) return place + "too many ranges";
    ranges->add(*range);
  }
  if (in.bad()) return std::string(std::strerror(errno));
  ranges->finish();
  return std::shared_ptr<const IpRanges>(std::move(ranges));
}

Result<std::shared_ptr<const IpRanges>, std::string> IpListFile::load(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::string(std::strerror(errno));
  return read_ip_ranges(in);
}

Result<FilesSummary, std::string> IpListFile::read() {
  auto ranges = load(path_);
  if (!ranges) return ranges.error();
  size_t count = (*ranges)->size();
  list_->replace(*std::move(ranges));
  return FilesSummary{std::to_string(count) + " ranges"};
}

}  // namespace sluice::policy

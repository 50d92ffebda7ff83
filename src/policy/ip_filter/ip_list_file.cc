#include "policy/ip_filter/ip_list_file.h"

#include <cerrno>
#include <cstring>
#include <fstream>

#include "base/bounded_lines.h"
#include "base/text.h"

namespace sluice::policy {

Result<std::shared_ptr<const IpRanges>, std::string> read_ip_ranges(std::istream& in) {
  auto ranges = std::make_shared<IpRanges>();
  size_t count = 0;
  for (BoundedLines lines(in, kIpListLineMax); lines.next();) {
    std::string place = lines.place();
    if (lines.too_long()) return place + "longer than " + std::to_string(kIpListLineMax) + " bytes";
    std::string_view line = trim_ows(lines.line().substr(0, lines.line().find_first_of("#;")));
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

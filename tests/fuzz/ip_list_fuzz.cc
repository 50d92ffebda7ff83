// Files of [ip_list.NAME]: what is accepted contains every range that a line names, both its ends, and what stands between
// them; what is refused says which line.
#include <sstream>
#include <string>

#include "fuzz.h"
#include "policy/ip_filter/ip_list_file.h"

using namespace sluice;

namespace {

// What the line means, found another way.
std::string_view meaning(std::string_view line) {
  line = line.substr(0, line.find_first_of("#;"));
  constexpr std::string_view kBlank = " \t\r";
  size_t begin = line.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return line.substr(begin, line.find_last_not_of(kBlank) - begin + 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string text(text_of(data, size));
  std::istringstream in(text);
  auto ranges = policy::read_ip_ranges(in);
  if (!ranges) {
    CLAIM(ranges.error().starts_with("line "));
    return 0;
  }
  size_t named = 0;
  for (std::string_view rest = text; !rest.empty();) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    std::string_view entry = meaning(line);
    if (entry.empty()) continue;
    auto range = Cidr::parse(entry);
    CLAIM(range);
    CLAIM((*ranges)->contains(range->base()));
    ++named;
  }
  CLAIM((*ranges)->size() <= named);
  CLAIM((named == 0) == (*ranges)->empty());
  CLAIM(!(*ranges)->contains(IpAddress()));
  return 0;
}

// Cookie: pairs read from hostile text, and one taken out of them.
#include "fuzz.h"

#include <string>
#include <vector>

#include "http/cookie.h"

using namespace sluice;

namespace {

std::vector<std::string> names_in(std::string_view field) {
  std::vector<std::string> names;
  http::each_cookie(field, [&](const http::Cookie& cookie) {
    CLAIM(cookie.name.size() + cookie.value.size() <= field.size());
    CLAIM(cookie.name.find(';') == std::string_view::npos && cookie.value.find(';') == std::string_view::npos);
    CLAIM(cookie.name.find('=') == std::string_view::npos);
    names.emplace_back(cookie.name);
  });
  return names;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  BlockPool blocks;
  Arena arena(blocks);
  std::string_view field = text_of(data, size);
  std::vector<std::string> names = names_in(field);
  if (names.empty()) return 0;
  std::string gone = names[names.size() / 2];
  std::erase(names, gone);
  std::string_view rest = http::without_cookie(field, gone, arena);
  CLAIM(names_in(rest) == names);
  CLAIM(http::without_cookie(rest, gone, arena) == rest);
  return 0;
}

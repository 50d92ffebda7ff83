// Paths and authorities: a canonical form is its own canonical form and holds nothing that a server
// behind could read in another way.
#include <string>

#include "fuzz.h"
#include "http/uri.h"

using namespace sluice;
using namespace sluice::http;

namespace {

void check_path(std::string_view path, PathProfile profile) {
  BlockPool pool;
  Arena arena(pool);
  const Problem* problem = nullptr;
  std::string_view form = canonical_path(path, profile, arena, problem);
  CLAIM(form.empty() == (problem != nullptr));
  if (problem) return;
  CLAIM(form.front() == '/' && form.size() <= path.size());
  std::string closed = std::string(form) + "/";
  for (const char* never :
       {"//", "/./", "/../", "/..;", "/.;", "\\", "%00", "%5C", "%2E", "%2e", "?", "#"}) {
    // A path that ends with a slash has "//" at the end of `closed` only.
    CLAIM(std::string_view(form).find(never) == std::string_view::npos);
    if (form.back() != '/') CLAIM(closed.find(never) == std::string::npos);
  }
  if (profile != PathProfile::encoded_slashes) CLAIM(form.find("%2F") == std::string_view::npos);
  const Problem* again = nullptr;
  CLAIM(canonical_path(form, profile, arena, again) == form && !again);
}

void check_authority(std::string_view text, Scheme scheme) {
  BlockPool pool;
  Arena arena(pool);
  std::string_view authority, host, again, again_host;
  if (!parse_authority(text, scheme, arena, authority, host)) return;
  CLAIM(!host.empty() && authority.starts_with(host));
  CLAIM(authority.find_first_of("/@?# ,%") == std::string_view::npos);
  CLAIM(parse_authority(authority, scheme, arena, again, again_host));
  CLAIM(again == authority && again_host == host);
}

void check_target(std::string_view target, Method method) {
  BlockPool pool;
  Arena arena(pool);
  Head head(arena);
  head.method = method;
  head.target = target;
  if (parse_target(arena, PathProfile::strict, nullptr, head)) return;
  CLAIM(head.asterisk ? head.path == "*" : head.path.starts_with('/'));
  CLAIM(head.query.empty() || head.has_query);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text = text_of(data, size);
  for (PathProfile profile :
       {PathProfile::strict, PathProfile::merge_slashes, PathProfile::encoded_slashes}) {
    check_path(text, profile);
  }
  check_authority(text, Scheme::http);
  check_authority(text, Scheme::https);
  check_target(text, Method::get);
  check_target(text, Method::options);
  return 0;
}

#include "http/uri.h"

#include <array>

#include "base/text.h"
#include "http/h1_problems.h"

namespace sluice::http {

namespace {

constexpr auto table_of(std::string_view others) {
  std::array<bool, 256> table{};
  for (int c = 0; c < 128; ++c) {
    char letter = static_cast<char>(c);
    table[static_cast<size_t>(c)] = is_digit(letter) || is_alpha(letter);
  }
  for (char c : others) table[static_cast<unsigned char>(c)] = true;
  return table;
}
constexpr auto kUnreserved = table_of("-._~");
constexpr auto kPathChars =
    table_of("-._~!$&'()*+,;=:@/");  // pchar and "/"; "%" is looked at by itself

bool is_in(const std::array<bool, 256>& table, char c) {
  return table[static_cast<unsigned char>(c)];
}

/// Nothing in it that canonical_path would have to look at twice.
bool is_plain(std::string_view path) {
  char before = 0;
  for (char c : path) {
    if (!is_in(kPathChars, c) || (before == '/' && (c == '/' || c == '.'))) return false;
    before = c;
  }
  return true;
}

/// A dot segment to those who cut path parameters off first ("/..;x/" climbs in servlet
/// containers).
bool hides_dots(std::string_view segment) {
  segment.remove_prefix(segment.starts_with("..") ? 2 : 1);
  return segment.starts_with(';') || segment.starts_with("%3B");
}

constexpr std::string_view kHeldSlash = "%2F";

/// To whom decodes the slashes that this profile lets pass, "/a/..%2Fb" climbs.
bool climbs_when_decoded(std::string_view segment) {
  size_t slash = segment.find(kHeldSlash);
  if (slash == std::string_view::npos) return false;
  for (;;) {
    std::string_view piece = segment.substr(0, slash);
    if (piece == "." || piece == ".." || (piece.starts_with('.') && hides_dots(piece))) return true;
    if (slash == std::string_view::npos) return false;
    segment.remove_prefix(slash + kHeldSlash.size());
    slash = segment.find(kHeldSlash);
  }
}

/// Writes a canonical path segment by segment; the output is never longer than the input.
class PathWriter {
 public:
  PathWriter(PathProfile profile, char* out) : profile_(profile), begin_(out), end_(out) {}

  /// gives: nullptr, or the problem
  const Problem* run(std::string_view path) {
    for (size_t i = 0; i < path.size();) {
      if (path[i] == '/') {
        if (const Problem* problem = slash()) return problem;
        ++i;
        continue;
      }
      if (path[i] == '%') {
        if (const Problem* problem = encoded(path.substr(i + 1))) return problem;
        i += 3;
        continue;
      }
      if (!is_in(kPathChars, path[i])) return &kBadPath;
      *end_++ = path[i++];
    }
    bool keeps_slash = false;
    return end_segment(keeps_slash);
  }
  std::string_view result() const { return {begin_, static_cast<size_t>(end_ - begin_)}; }
  char* end() const { return end_; }

 private:
  const Problem* slash() {
    if (end_ == begin_) {   // the first one
      *end_++ = '/';
      segment_ = end_;
      return nullptr;
    }
    if (end_ == segment_) return profile_ == PathProfile::merge_slashes ? nullptr : &kEmptySegment;
    bool keeps_slash = true;
    if (const Problem* problem = end_segment(keeps_slash)) return problem;
    if (keeps_slash) *end_++ = '/';
    segment_ = end_;
    return nullptr;
  }

  /// The segment [segment_, end_) is whole. "." and ".." go, together with the slash that follows
  /// them.
  const Problem* end_segment(bool& keeps_slash) {
    std::string_view segment(segment_, static_cast<size_t>(end_ - segment_));
    if (profile_ == PathProfile::encoded_slashes && climbs_when_decoded(segment)) return &kBadPath;
    if (!segment.starts_with('.')) return nullptr;
    if (segment == "." || segment == "..") {
      keeps_slash = false;
      end_ = segment_;
      return segment.size() == 1 ? nullptr : climb();
    }
    return hides_dots(segment) ? &kBadPath : nullptr;
  }

  const Problem* climb() {
    if (end_ - begin_ <= 1) return &kBadPath;   // above the root
    --end_;
    while (end_[-1] != '/') --end_;
    return nullptr;
  }

  /// `digits` is what follows the "%".
  const Problem* encoded(std::string_view digits) {
    if (digits.size() < 2) return &kBadPath;
    int high = hex_value(digits[0]), low = hex_value(digits[1]);
    if (high < 0 || low < 0) return &kBadPath;
    char c = static_cast<char>(high << 4 | low);
    auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) return &kBadPath;
    if (c == '\\' || (c == '/' && profile_ != PathProfile::encoded_slashes)) return &kEncodedSlash;
    if (is_in(kUnreserved, c)) {
      *end_++ = c;
      return nullptr;
    }
    constexpr std::string_view kHex = "0123456789ABCDEF";
    *end_++ = '%';
    *end_++ = kHex[static_cast<size_t>(high)];
    *end_++ = kHex[static_cast<size_t>(low)];
    return nullptr;
  }

  PathProfile profile_;
  char* begin_;
  char* end_;
  char* segment_ = nullptr;
};

/// The query is kept as it is, so anything visible may stand in it (browsers send {, |, ^
/// unencoded).
bool is_query(std::string_view query) {
  for (char c : query) {
    if (c == '#' || c <= ' ' || static_cast<unsigned char>(c) >= 0x7f) return false;
  }
  return true;
}

/// Cuts the scheme and authority off an absolute-form target. gives: false when it has neither
bool cut_absolute(std::string_view& rest, Scheme& scheme, std::string_view& authority) {
  if (starts_with_ignore_case(rest, "http://")) {
    scheme = Scheme::http;
    rest.remove_prefix(7);
  } else if (starts_with_ignore_case(rest, "https://")) {
    scheme = Scheme::https;
    rest.remove_prefix(8);
  } else {
    return false;
  }
  authority = rest.substr(0, rest.find_first_of("/?#"));
  rest.remove_prefix(authority.size());
  return true;
}

/// Authority and host from the target, which the Host field must repeat, or from the Host field
/// alone.
const Problem* read_authority(Arena& arena, const std::string_view* from_target,
                              const std::string_view* host_field, Head& head) {
  if (host_field && !parse_authority(*host_field, head.scheme, arena, head.authority, head.host)) {
    return &kBadHost;
  }
  if (!from_target) return nullptr;
  std::string_view of_host_field = head.authority;
  if (!parse_authority(*from_target, head.scheme, arena, head.authority, head.host))
    return &kBadTarget;
  return host_field && of_host_field != head.authority ? &kHostMismatch : nullptr;
}

}  // namespace

std::string_view canonical_path(std::string_view path, PathProfile profile, Arena& arena,
                                const Problem*& problem) {
  problem = nullptr;
  if (!path.starts_with('/')) {
    problem = &kBadPath;
    return {};
  }
  if (is_plain(path)) return path;
  char* out = arena.text(path.size());
  PathWriter writer(profile, out);
  problem = writer.run(path);
  arena.shrink(problem ? out : writer.end());
  return problem ? std::string_view{} : writer.result();
}

const Problem* parse_target(Arena& arena, PathProfile profile, const std::string_view* host_field,
                            Head& head) {
  if (head.method == Method::connect) return &kConnectRefused;
  std::string_view rest = head.target;
  std::string_view authority;
  bool origin = rest.starts_with('/');
  bool asterisk = rest == "*";
  bool absolute = !origin && !asterisk && cut_absolute(rest, head.scheme, authority);
  if ((!origin && !asterisk && !absolute) || (asterisk && head.method != Method::options)) {
    return &kBadTarget;
  }
  if (const Problem* problem =
          read_authority(arena, absolute ? &authority : nullptr, host_field, head)) {
    return problem;
  }
  size_t mark = rest.find('?');
  head.has_query = mark != std::string_view::npos;
  head.query = head.has_query ? rest.substr(mark + 1) : std::string_view{};
  if (!is_query(head.query)) return &kBadTarget;
  std::string_view path = rest.substr(0, mark);
  // RFC 9112 section 3.2.4: OPTIONS to an absolute URL without path and query means the server
  // itself.
  head.asterisk = asterisk || (path.empty() && !head.has_query && head.method == Method::options);
  if (head.asterisk) {
    head.path = "*";
    return nullptr;
  }
  const Problem* problem = nullptr;
  head.path = canonical_path(path.empty() ? std::string_view("/") : path, profile, arena, problem);
  return problem;
}

}  // namespace sluice::http

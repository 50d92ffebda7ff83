#include "http/uri.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::http {
namespace {

struct PathRow {
  std::string_view path;
  std::string_view strict;   // canonical form, or "!" and the code of the problem
  std::string_view merge;
  std::string_view encoded;
};

std::string canonical(std::string_view path, PathProfile profile) {
  BlockPool pool;
  Arena arena(pool);
  const Problem* problem = nullptr;
  std::string_view out = canonical_path(path, profile, arena, problem);
  return problem ? "!" + std::string(problem->code) : std::string(out);
}

TEST(CanonicalPath, has_one_form_or_none_in_each_profile) {
  const PathRow rows[] = {
      {"/", "/", "/", "/"},
      {"/a/b", "/a/b", "/a/b", "/a/b"},
      {"/a/b/", "/a/b/", "/a/b/", "/a/b/"},
      {"/A", "/A", "/A", "/A"},
      {"/%41%7e%2D", "/A~-", "/A~-", "/A~-"},
      {"/%c3%a9", "/%C3%A9", "/%C3%A9", "/%C3%A9"},
      {"/a%3ab", "/a%3Ab", "/a%3Ab", "/a%3Ab"},
      {"/a;b=c", "/a;b=c", "/a;b=c", "/a;b=c"},
      {"/a%252fb", "/a%252fb", "/a%252fb", "/a%252fb"},
      {"/a/./b", "/a/b", "/a/b", "/a/b"},
      {"/a/../b", "/b", "/b", "/b"},
      {"/a/%2e%2E/b", "/b", "/b", "/b"},
      {"/a/b/..", "/a/", "/a/", "/a/"},
      {"/a/..", "/", "/", "/"},
      {"/a/.", "/a/", "/a/", "/a/"},
      {"/.", "/", "/", "/"},
      {"/a/b/../../c/./d", "/c/d", "/c/d", "/c/d"},
      {"/.a/..b/...", "/.a/..b/...", "/.a/..b/...", "/.a/..b/..."},
      {"/..", "!bad_path", "!bad_path", "!bad_path"},
      {"/a/../../b", "!bad_path", "!bad_path", "!bad_path"},
      {"/%2e%2e/b", "!bad_path", "!bad_path", "!bad_path"},
      {"/a/..;x/b", "!bad_path", "!bad_path", "!bad_path"},
      {"/a/.;/b", "!bad_path", "!bad_path", "!bad_path"},
      {"/a/%2e.%3bx/b", "!bad_path", "!bad_path", "!bad_path"},
      {"/a/...;x", "/a/...;x", "/a/...;x", "/a/...;x"},
      {"//", "!empty_segment", "/", "!empty_segment"},
      {"//a", "!empty_segment", "/a", "!empty_segment"},
      {"/a//b", "!empty_segment", "/a/b", "!empty_segment"},
      {"/a//", "!empty_segment", "/a/", "!empty_segment"},
      {"/a//../b", "!empty_segment", "/b", "!empty_segment"},
      {"/a/.//b", "!empty_segment", "/a/b", "!empty_segment"},
      {"/a/..//b", "!empty_segment", "/b", "!empty_segment"},
      {"/a%2fb", "!encoded_slash", "!encoded_slash", "/a%2Fb"},
      {"/a/..%2fb", "!encoded_slash", "!encoded_slash", "!bad_path"},
      {"/p/%2e%2e%2fadmin", "!encoded_slash", "!encoded_slash", "!bad_path"},
      {"/a%2f..", "!encoded_slash", "!encoded_slash", "!bad_path"},
      {"/a%2f%2E%2fb/c", "!encoded_slash", "!encoded_slash", "!bad_path"},
      {"/a%2f..;x/b", "!encoded_slash", "!encoded_slash", "!bad_path"},
      {"/a%2f..b%2f...%2f%2fc", "!encoded_slash", "!encoded_slash", "/a%2F..b%2F...%2F%2Fc"},
      {"/a%5cb", "!encoded_slash", "!encoded_slash", "!encoded_slash"},
      {"/a\\b", "!bad_path", "!bad_path", "!bad_path"},
      {"/%00", "!bad_path", "!bad_path", "!bad_path"},
      {"/%0a", "!bad_path", "!bad_path", "!bad_path"},
      {"/%7f", "!bad_path", "!bad_path", "!bad_path"},
      {"/%", "!bad_path", "!bad_path", "!bad_path"},
      {"/%a", "!bad_path", "!bad_path", "!bad_path"},
      {"/%gg", "!bad_path", "!bad_path", "!bad_path"},
      {"/a b", "!bad_path", "!bad_path", "!bad_path"},
      {"/a?b", "!bad_path", "!bad_path", "!bad_path"},
      {"/a[b]", "!bad_path", "!bad_path", "!bad_path"},
      {"/\x80", "!bad_path", "!bad_path", "!bad_path"},
      {"a", "!bad_path", "!bad_path", "!bad_path"},
      {"", "!bad_path", "!bad_path", "!bad_path"},
  };
  for (const PathRow& row : rows) {
    SCOPED_TRACE(std::string(row.path));
    EXPECT_EQ(canonical(row.path, PathProfile::strict), row.strict);
    EXPECT_EQ(canonical(row.path, PathProfile::merge_slashes), row.merge);
    EXPECT_EQ(canonical(row.path, PathProfile::encoded_slashes), row.encoded);
    for (std::string_view form : {row.strict, row.merge}) {
      if (!form.starts_with('!')) {
        EXPECT_EQ(canonical(form, PathProfile::strict), form);   // it is its own form
      }
    }
  }
}

TEST(CanonicalPath, of_a_plain_path_is_the_path_itself) {
  BlockPool pool;
  Arena arena(pool);
  const Problem* problem = nullptr;
  std::string_view path = "/api/v1/users/@me;x=1,2";
  EXPECT_EQ(canonical_path(path, PathProfile::strict, arena, problem).data(), path.data());
  EXPECT_EQ(arena.bytes_used(), 0u);
}

TEST(ParseAuthority, has_one_form_or_none) {
  struct Row {
    std::string_view text, authority, host;   // authority "!" when refused
    Scheme scheme = Scheme::http;
  };
  const std::string label63(63, 'a'), label64(64, 'a');
  const Row rows[] = {
      {"Example.ORG", "example.org", "example.org"},
      {"example.org.", "example.org", "example.org"},
      {"example.org.:8080", "example.org:8080", "example.org"},
      {"a:80", "a", "a"},
      {"a:443", "a:443", "a"},
      {"a:443", "a", "a", Scheme::https},
      {"a_b-c~d.e1", "a_b-c~d.e1", "a_b-c~d.e1"},
      {"127.0.0.1:65535", "127.0.0.1:65535", "127.0.0.1"},
      {"[2001:DB8:0:0::1]:81", "[2001:db8::1]:81", "[2001:db8::1]"},
      {"[::1]", "[::1]", "[::1]"},
      {"[::ffff:7f00:1]", "[::ffff:127.0.0.1]", "[::ffff:127.0.0.1]"},
      {label63, label63, label63},
      {label64, "!", ""},
      {"", "!", ""},
      {".", "!", ""},
      {":80", "!", ""},
      {"a:", "!", ""},
      {"a:0", "!", ""},
      {"a:080", "!", ""},
      {"a:65536", "!", ""},
      {"a:+1", "!", ""},
      {"a:1:2", "!", ""},
      {"a:1 ", "!", ""},
      {"a..b", "!", ""},
      {".a", "!", ""},
      {"a..", "!", ""},
      {"a b", "!", ""},
      {"a@b", "!", ""},
      {"a/b", "!", ""},
      {"a%41", "!", ""},
      {"a\xc3\xa9", "!", ""},
      {"1.2.3", "!", ""},
      {"1", "!", ""},
      {"1.2.3.256", "!", ""},
      {"01.2.3.4", "!", ""},
      {"a.0x7f", "!", ""},
      {"[", "!", ""},
      {"[]", "!", ""},
      {"[::1", "!", ""},
      {"[::1]x", "!", ""},
      {"[1.2.3.4]", "!", ""},
      {"[fe80::1%eth0]", "!", ""},
      {"::1", "!", ""},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(std::string(row.text));
    BlockPool pool;
    Arena arena(pool);
    std::string_view authority = "!", host;
    parse_authority(row.text, row.scheme, arena, authority, host);
    EXPECT_EQ(authority, row.authority);
    EXPECT_EQ(host, row.host);
  }
}

TEST(ParseTarget, tells_the_forms_apart) {
  struct Row {
    Method method;
    std::string_view target, host;
    std::string_view verdict;   // "authority path query asterisk", or the code of the problem
  };
  const Row rows[] = {
      {Method::get, "/a?b?c", "h", "h /a b?c"},
      {Method::get, "/a?", "h", "h /a "},
      {Method::get, "/a", "H:8080", "h:8080 /a"},
      {Method::get, "http://h", "h", "h /"},
      {Method::get, "http://h?q", "h", "h / q"},
      {Method::get, "HTTP://H:80/x", "h.", "h /x"},
      {Method::options, "*", "h", "h * asterisk"},
      {Method::options, "http://h", "h", "h * asterisk"},
      {Method::options, "http://h/", "h", "h /"},
      {Method::options, "/", "h", "h /"},
      {Method::get, "*", "h", "bad_target"},
      {Method::options, "**", "h", "bad_target"},
      {Method::get, "http://other/", "h", "host_mismatch"},
      {Method::get, "http://h:81/", "h", "host_mismatch"},
      {Method::get, "http:/a", "h", "bad_target"},
      {Method::get, "http://h#x", "h", "bad_path"},
      {Method::get, "/a?b#c", "h", "bad_target"},
      {Method::get, "/a?b c", "h", "bad_target"},
      {Method::get, "/a?\xff", "h", "bad_target"},
      {Method::connect, "h:443", "h", "connect_refused"},
      {Method::get, "", "h", "bad_target"},
      {Method::get, "/", "h h", "bad_host"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(std::string(row.target));
    BlockPool pool;
    Arena arena(pool);
    Head head(arena);
    head.method = row.method;
    head.target = row.target;
    const Problem* problem = parse_target(arena, PathProfile::strict, &row.host, head);
    std::string out = problem ? std::string(problem->code)
                              : std::string(head.authority) + " " + std::string(head.path);
    if (!problem && head.has_query) out += " " + std::string(head.query);
    if (!problem && head.asterisk) out += " asterisk";
    EXPECT_EQ(out, row.verdict);
  }
}

TEST(ParseTarget, without_host_has_no_authority) {
  BlockPool pool;
  Arena arena(pool);
  Head head(arena);
  head.method = Method::get;
  head.target = "/";
  EXPECT_EQ(parse_target(arena, PathProfile::strict, nullptr, head), nullptr);
  EXPECT_EQ(head.authority, "");
}

}  // namespace
}  // namespace sluice::http

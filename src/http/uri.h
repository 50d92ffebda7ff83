// Request targets (RFC 9112 section 3.2, RFC 3986): one canonical path, or a refusal.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/arena.h"
#include "http/message.h"
#include "http/problem.h"

namespace sluice::http {

/// Which paths have a normal form. Every profile decodes %-encoded unreserved characters, writes hex digits in
/// upper case and removes dot segments; every profile refuses NUL and control bytes, broken %-sequences, raw
/// bytes that RFC 3986 does not allow (backslash, quotes, <>, {}, |, ^, `), "#", and ".." above the root.
enum class PathProfile : uint8_t {
  strict,           // also refuses "//", "%2F" and "%5C"
  merge_slashes,    // "//" becomes "/"; "%2F" and "%5C" refused
  encoded_slashes,  // "%2F" stays as it is inside its segment; "//" and "%5C" refused
};

/// Fills asterisk, authority, host, path, query, has_query, scheme (absolute-form) of `head` from head.target.
/// needs: head.method, head.target; `host_field` the value of Host, or nullptr
/// gives: nullptr, or the problem
const Problem* parse_target(Arena& arena, PathProfile profile, const std::string_view* host_field, Head& head);

/// gives: the canonical path, or empty with `problem` set
std::string_view canonical_path(std::string_view path, PathProfile profile, Arena& arena, const Problem*& problem);

/// Checks host[:port] (reg-name of LDH, digits, "_", "~" and "."; IPv4; [IPv6]) and lower-cases it.
/// A trailing dot of the name is removed, a port equal to the scheme's default too.
/// gives: false when it is no authority
bool parse_authority(std::string_view text, Scheme scheme, Arena& arena, std::string_view& authority, std::string_view& host);

}  // namespace sluice::http

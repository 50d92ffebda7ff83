#include "http/token.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace sluice::http {

namespace {

constexpr std::array<std::string_view, kMethodCount + 1> kMethodNames = {
    "",        "GET",   "HEAD",    "POST",     "PUT",       "DELETE", "PATCH",
    "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "PROPPATCH", "MKCOL",  "COPY",
    "MOVE",    "LOCK",  "UNLOCK",  "REPORT",   "SEARCH",    "PURGE",
};
static_assert(kMethodNames[static_cast<size_t>(Method::purge)] == "PURGE");

}  // namespace

Method method_from(std::string_view name) {
  if (name == "GET") return Method::get;
  for (size_t i = 1; i < kMethodNames.size(); ++i) {
    if (!kMethodNames[i].empty() && name == kMethodNames[i]) return static_cast<Method>(i);
  }
  return Method::unknown;
}

std::string_view method_name(Method method) { return kMethodNames[static_cast<size_t>(method)]; }

bool is_idempotent(Method method) {
  switch (method) {
    case Method::put: case Method::delete_: case Method::propfind: case Method::proppatch:
    case Method::mkcol: case Method::copy: case Method::move: case Method::unlock:
    case Method::report: case Method::search: case Method::purge:
      return true;   // RFC 4918 section 18 and its registry entries for the WebDAV ones
    case Method::get: case Method::head: case Method::options: case Method::trace:
      return true;
    case Method::unknown: case Method::post: case Method::patch: case Method::connect:
    case Method::lock:
      return false;
  }
  return false;
}

bool is_safe(Method method) {
  switch (method) {
    case Method::get: case Method::head: case Method::options: case Method::trace:
    case Method::propfind: case Method::report: case Method::search:
      return true;
    case Method::unknown: case Method::post: case Method::put: case Method::delete_:
    case Method::patch: case Method::connect: case Method::proppatch: case Method::mkcol:
    case Method::copy: case Method::move: case Method::lock: case Method::unlock:
    case Method::purge:
      return false;
  }
  return false;
}

std::string_view version_name(Version version) {
  switch (version) {
    case Version::h1_0: return "HTTP/1.0";
    case Version::h1_1: return "HTTP/1.1";
    case Version::h2: return "HTTP/2";
  }
  return "";
}

bool is_token(std::string_view text) {
  for (char c : text) {
    if (!is_token_char(c)) return false;
  }
  return !text.empty();
}

bool is_field_value(std::string_view text) {
  auto all_may = [](std::string_view bytes) {
    return std::ranges::none_of(bytes, [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7f; });
  };
  auto word_may = [&all_may](const char* at) {
    constexpr uint64_t kOnes = 0x0101010101010101, kTops = 0x80 * kOnes;
    uint64_t word;
    std::memcpy(&word, at, sizeof(word));
    uint64_t deleted = word ^ 0x7f * kOnes;
    uint64_t suspects = ((word - 0x20 * kOnes) & ~word) | ((deleted - kOnes) & ~deleted);
    return (suspects & kTops) == 0 || all_may({at, sizeof(word)});
  };
  constexpr size_t kWord = sizeof(uint64_t);
  if (text.size() < kWord) return all_may(text);
  const char* last = text.data() + text.size() - kWord;   // seen whole, whatever of it was seen before
  for (const char* at = text.data(); at < last; at += kWord) {
    if (!word_may(at)) return false;
  }
  return word_may(last);
}

}  // namespace sluice::http

// The raw requests and responses of llhttp's own suite, where its checkout lies beside ours: whole
// and byte by byte the same verdict, and nothing accepted that llhttp's strict parser refuses.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "base/text.h"
#include "unit/http/messages.h"

namespace sluice::http {
namespace {

struct Fixture {
  std::string name;
  std::string type;     // "request", "response"; lenient variants are left out
  std::string bytes;
  bool refused = false;   // llhttp reports an error (other than a pause or a closed connection)
};

/// A backslash at the end of a line joins it to the next, other line ends are CRLF, and \r \n \t \f
/// \xHH and octal stand for bytes.
std::string decode(const std::vector<std::string>& lines) {
  std::string joined;
  for (const std::string& line : lines) {
    bool continues = line.ends_with('\\');
    joined += continues ? line.substr(0, line.size() - 1) : line + "\r\n";
  }
  std::string out;
  for (size_t i = 0; i < joined.size(); ++i) {
    if (joined[i] != '\\' || i + 1 == joined.size()) {
      out += joined[i];
      continue;
    }
    char c = joined[++i];
    size_t digits = 0;
    if (c == 'x') {
      while (digits < 2 && hex_value(joined[i + 1 + digits]) >= 0) ++digits;
      out += static_cast<char>(std::stoi(joined.substr(i + 1, digits), nullptr, 16));
      i += digits;
    } else if (c >= '0' && c <= '7') {
      while (digits < 3 && joined[i + digits] >= '0' && joined[i + digits] <= '7') ++digits;
      out += static_cast<char>(std::stoi(joined.substr(i, digits), nullptr, 8));
      i += digits - 1;
    } else {
      out += c == 'r' ? '\r' : c == 'n' ? '\n' : c == 't' ? '\t' : c == 'f' ? '\f' : c;
    }
  }
  return out;
}

/// Most requests of the suite lack Host, for which ours would refuse them before it came to their
/// point.
std::string with_host(std::string bytes) {
  constexpr std::string_view kVersion = " HTTP/1.1\r\n";
  if (bytes.find("ost:") != std::string::npos) return bytes;
  for (size_t at = 0; (at = bytes.find(kVersion, at)) != std::string::npos;) {
    at += kVersion.size();
    bytes.insert(at, "Host: a\r\n");
  }
  return bytes;
}

std::vector<Fixture> read_file(const std::filesystem::path& path) {
  std::vector<Fixture> out;
  std::ifstream file(path);
  std::string line, title, type;
  bool plain = false;
  while (std::getline(file, line)) {
    if (line.starts_with("#")) title = line;
    if (line.starts_with("<!-- meta=")) {
      size_t begin = line.find(": \"") + 3;
      type = line.substr(begin, line.find('"', begin) - begin);
      plain = line.find("pause") == line.npos && line.find("skipBody") == line.npos;
    }
    if (line != "```http" && line != "```log") continue;
    bool log = line == "```log";
    std::vector<std::string> block;
    while (std::getline(file, line) && line != "```") block.push_back(line);
    if (!plain || (type != "request" && type != "response")) continue;
    if (!log) {
      out.push_back(
          {path.filename().string() + " " + title, type, with_host(decode(block)), false});
    } else if (!out.empty()) {
      for (const std::string& event : block) {
        bool harmless = event.find("code=21") != event.npos ||
                        event.find("code=22") != event.npos || event.find("code=5 ") != event.npos;
        if (event.find("error code=") != event.npos && !harmless) out.back().refused = true;
      }
    }
  }
  return out;
}

/// Everything in the bytes, message after message.
/// gives: one word for each, the last of them the verdict on what is left
std::string verdicts(const Fixture& fixture, size_t step) {
  std::string out;
  std::string_view rest = fixture.bytes;
  while (!rest.empty()) {
    BlockPool pool;
    Message message(pool);
    if (fixture.type == "request") drive_request(rest, step, {}, message);
    else drive_response(rest, step, Method::get, message);
    (out += message.verdict()) += ' ';
    if (!message.complete) break;
    rest.remove_prefix(message.used);
    // What follows is the tunnel's, or nobody's.
    if (!message.head.upgrade.empty() || !message.head.keep_alive) break;
  }
  return out;
}

bool has_refusal(std::string_view verdict_list) {
  bool refusal = false;
  for (std::istringstream words{std::string(verdict_list)}; words;) {
    std::string word;
    words >> word;
    refusal = refusal || (!word.empty() && word != "ok" && word != "incomplete");
  }
  return refusal;
}

TEST(LlhttpFixtures, get_one_verdict_and_no_mercy) {
  std::filesystem::path root =
      std::filesystem::path(SLUICE_SOURCE_DIR) / "../shared/vectors/llhttp-fixtures";
  if (!std::filesystem::exists(root)) GTEST_SKIP() << "no llhttp fixtures at " << root;
  bool shown = std::getenv("SLUICE_SHOW_FIXTURES") != nullptr;
  size_t seen = 0, refused = 0;
  for (const char* folder : {"request", "response"}) {
    for (const auto& entry : std::filesystem::directory_iterator(root / folder)) {
      for (const Fixture& fixture : read_file(entry.path())) {
        SCOPED_TRACE(fixture.name + ": " + printable(fixture.bytes, 400));
        std::string whole = verdicts(fixture, 0);
        for (size_t step : {1, 2, 5}) EXPECT_EQ(verdicts(fixture, step), whole);
        if (fixture.refused) {
          EXPECT_TRUE(has_refusal(whole) || whole.find("incomplete") != whole.npos) << whole;
        }
        ++seen;
        refused += fixture.refused;
        if (shown)
          std::cout << (fixture.refused ? "refused " : "taken ") << whole << fixture.name << "\n";
      }
    }
  }
  EXPECT_GT(seen, 100u);
  EXPECT_GT(refused, 20u);
}

}  // namespace
}  // namespace sluice::http

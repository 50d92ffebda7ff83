#include "base/bounded_lines.h"

#include <gtest/gtest.h>

#include <sstream>

namespace sluice {
namespace {

struct Read {
  std::vector<std::string> lines;
  std::string stopped_at;   // the place of a line that is too long
};

Read read(const std::string& text, size_t bytes_max) {
  std::istringstream in(text);
  Read all;
  for (BoundedLines lines(in, bytes_max); lines.next();) {
    all.lines.emplace_back(lines.line());
    if (lines.too_long()) all.stopped_at = lines.place();
  }
  return all;
}

using Lines = std::vector<std::string>;

TEST(BoundedLines, EndWithANewlineOrTheFile) {
  EXPECT_EQ(read("", 4).lines, Lines{});
  EXPECT_EQ(read("\n", 4).lines, Lines{""});
  EXPECT_EQ(read("a\n\nb", 4).lines, (Lines{"a", "", "b"}));
  EXPECT_EQ(read("a\r\nb\n", 4).lines, (Lines{"a\r", "b"}));
  EXPECT_EQ(read(std::string("a\0b\nc", 5), 4).lines, (Lines{std::string("a\0b", 3), "c"}));
}

TEST(BoundedLines, MayBeAsLongAsTheirBound) {
  Read full = read("1234\n1234", 4);
  EXPECT_EQ(full.lines, (Lines{"1234", "1234"}));
  EXPECT_EQ(full.stopped_at, "");
}

TEST(BoundedLines, NothingIsReadBehindALineThatIsTooLong) {
  for (std::string_view end : {"", "\n", "\nc\n"}) {
    Read beyond = read("a\n12345" + std::string(end), 4);
    EXPECT_EQ(beyond.lines, (Lines{"a", "1234"})) << end;
    EXPECT_EQ(beyond.stopped_at, "line 2: ") << end;
  }
}

}  // namespace
}  // namespace sluice

// Files of a line each, too large to be held: read as a stream, with a bound on what a line may take.
#pragma once

#include <istream>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

class BoundedLines {
 public:
  /// `bytes_max`: of a line, without its end
  BoundedLines(std::istream& in, size_t bytes_max) : in_(&in), buffer_(bytes_max + 1) {}   // getline() puts a zero behind

  /// gives: false when there is no further line, or the stream is bad
  bool next() {
    in_->getline(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
    size_t taken = static_cast<size_t>(in_->gcount());
    if (in_->fail() && taken == 0) return false;
    too_long_ = in_->fail();
    bool ended = !in_->eof() && !too_long_;   // by a newline, which was taken too
    line_ = {buffer_.data(), taken - (ended ? 1 : 0)};
    ++number_;
    return true;
  }
  /// Views the reader, until next(). Of one that is too long: its beginning.
  std::string_view line() const { return line_; }
  bool too_long() const { return too_long_; }
  /// "line 7: ", from 1: for messages
  std::string place() const { return "line " + std::to_string(number_) + ": "; }

 private:
  std::istream* in_;
  std::vector<char> buffer_;
  std::string_view line_;
  size_t number_ = 0;
  bool too_long_ = false;
};

}  // namespace sluice

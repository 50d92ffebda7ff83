// Writes JSON, member after member. What is not closed by the caller is a fault of the caller.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/text.h"

namespace sluice::admin {

class JsonText {
 public:
  JsonText& object(std::string_view key = {}) { return open(key, '{'); }
  JsonText& array(std::string_view key = {}) { return open(key, '['); }
  JsonText& end_object() { return close('}'); }
  JsonText& end_array() { return close(']'); }

  JsonText& text(std::string_view key, std::string_view value) {
    begin(key);
    quote(value);
    return *this;
  }
  JsonText& number(std::string_view key, uint64_t value) {
    begin(key);
    out_ += std::to_string(value);
    return *this;
  }
  JsonText& flag(std::string_view key, bool value) {
    begin(key);
    out_ += value ? "true" : "false";
    return *this;
  }
  std::string take() { return std::move(out_); }

 private:
  JsonText& open(std::string_view key, char bracket) {
    begin(key);
    out_ += bracket;
    first_ = true;
    return *this;
  }
  JsonText& close(char bracket) {
    out_ += bracket;
    first_ = false;
    return *this;
  }
  void begin(std::string_view key) {
    if (!first_) out_ += ',';
    first_ = false;
    if (key.empty()) return;
    quote(key);
    out_ += ':';
  }
  void quote(std::string_view value) {
    out_ += '"';
    append_json(out_, value);
    out_ += '"';
  }

  std::string out_;
  bool first_ = true;
};

}  // namespace sluice::admin

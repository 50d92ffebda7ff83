// Bytes that nobody may see: wiped when they are no longer needed, printed as "***".
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace sluice::crypto {

class Secret {
 public:
  Secret() = default;
  /// Takes the bytes; the caller's copy is wiped.
  explicit Secret(std::string&& bytes) : bytes_(bytes) { wipe(bytes); }
  Secret(const Secret&) = delete;
  Secret(Secret&& other) noexcept : bytes_(other.bytes_) { other.clear(); }
  Secret& operator=(Secret&& other) noexcept {
    if (this == &other) return *this;
    clear();
    bytes_ = other.bytes_;
    other.clear();
    return *this;
  }
  ~Secret() { clear(); }

  /// For what computes with it; never for a text that anybody reads.
  std::string_view bytes() const { return bytes_; }
  bool empty() const { return bytes_.empty(); }

 private:
  static void wipe(std::string& bytes);
  void clear() { wipe(bytes_); }

  std::string bytes_;
};

/// What LOG and text of any kind get.
inline std::string_view format_as(const Secret&) { return "***"; }

}  // namespace sluice::crypto

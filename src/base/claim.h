// What a token, or a consumer's entry, says of whoever it belongs to. Both views.
#pragma once

#include <cstdint>
#include <string_view>

namespace sluice {

/// Strings and numbers as their text, true and false so, lists and objects as JSON.
struct Claim {
  /// A text may look like a list or an object, and whoever may choose it must not become what stands there.
  enum class Form : uint8_t { single, list, object };

  std::string_view name;
  std::string_view value;
  Form form = Form::single;
};

}  // namespace sluice

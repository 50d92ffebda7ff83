// Fields that a response gets unless it has some of that name: security headers. Made once, const; the texts that a response
// gets are views of them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "http/fields.h"

namespace sluice::http {

/// What becomes of a response's own fields of these names.
enum class OwnFields : bool { kept, replaced };

class DefaultFields {
 public:
  static constexpr size_t kMost = 64;   // a bit each; far more than there are such fields

  explicit DefaultFields(OwnFields own = OwnFields::kept) : own_(own) {}

  /// needs: fewer than kMost so far, no other of that name
  void add(std::string name, std::string value);
  /// needs: to outlive `fields`
  /// cost: a comparison for each of these with each of the response's fields that could be one of them; no allocation
  void apply(Fields& fields) const;

  /// "Name: value" of each, in order.
  std::string describe() const;

 private:
  struct Default {
    std::string name;
    std::string value;
    FieldId id;
  };
  /// gives: its index, or that of the end
  size_t find(const Field& field) const;

  std::vector<Default> defaults_;
  FieldIdSet ids_;
  OwnFields own_;
};

}  // namespace sluice::http

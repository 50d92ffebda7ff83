#include "http/default_fields.h"

#include <utility>

#include "base/text.h"

namespace sluice::http {

void DefaultFields::add(std::string name, std::string value) {
  CHECK(defaults_.size() < kMost);
  FieldId id = field_id(name);
  ids_.add(id);
  defaults_.push_back({std::move(name), std::move(value), id});
}

size_t DefaultFields::find(const Field& field) const {
  size_t i = 0;
  for (; i < defaults_.size(); ++i) {
    if (field.id != defaults_[i].id) continue;
    if (field.id != FieldId::other || equals_ignore_case(field.name(), defaults_[i].name)) break;
  }
  return i;
}

void DefaultFields::apply(Fields& fields) const {
  uint64_t there = 0;
  if (fields.present().meets(ids_)) {
    if (own_ == OwnFields::replaced) {
      fields.remove_if([this](const Field& field) { return find(field) < defaults_.size(); });
    } else {
      for (const Field& field : fields) {
        if (size_t i = find(field); i < defaults_.size()) there |= uint64_t{1} << i;
      }
    }
  }
  for (size_t i = 0; i < defaults_.size(); ++i) {
    if ((there >> i & 1) == 0) fields.add(defaults_[i].id, defaults_[i].name, defaults_[i].value);
  }
}

std::string DefaultFields::describe() const {
  std::string out;
  for (const Default& one : defaults_) out += (out.empty() ? "" : "; ") + one.name + ": " + one.value;
  return out;
}

}  // namespace sluice::http

#include "config/walk.h"

namespace sluice::config {

namespace {

class Walk {
 public:
  Walk(LeafVisitor& visitor, bool format) : visitor_(visitor), format_(format) {}

  /// Keys of one table: those that are no tables of their own first, as TOML wants it.
  void top(const Type& type, const void* object, const Value* value) {
    visitor_.enter_table("", "");
    for (const Field& field : type.fields()) {
      if (field.need != Need::later && !is_table(*field.type))
        leaf(field, field.name, object, value);
    }
    for (const Field& field : type.fields()) {
      if (field.need != Need::later && is_table(*field.type)) table(field, object, value);
    }
  }

 private:
  static bool is_table(const Type& type) {
    return type.form == Type::Form::table || type.form == Type::Form::sections;
  }

  static const Value* below(const Value* value, std::string_view name) {
    const Entry* entry = value == nullptr ? nullptr : value->find(name);
    return entry == nullptr ? nullptr : &entry->value;
  }

  void table(const Field& field, const void* object, const Value* value) {
    const void* member = field.member_of(object);
    const Value* from = below(value, field.name);
    if (field.type->form == Type::Form::sections) {
      sections(field, member, from);
      return;
    }
    const void* inner = field.type->inner(member);
    if (inner == nullptr && format_) inner = field.type->sample();
    if (inner == nullptr) return;
    visitor_.enter_table(field.name, field.about);
    keys(*field.type, "", inner, from);
  }

  void sections(const Field& field, const void* member, const Value* from) {
    if (format_) {
      visitor_.enter_table(std::string(field.name) + ".NAME", field.about);
      keys(*field.type->element, "", field.type->element->sample(), nullptr);
      return;
    }
    for (const NamedObject& named : field.type->members(member)) {
      visitor_.enter_table(std::string(field.name) + "." + std::string(named.name), field.about);
      keys(*field.type->element, "", named.object, below(from, named.name));
    }
  }

  void keys(const Type& type, const std::string& prefix, const void* object, const Value* value) {
    for (const Field& field : type.fields()) {
      if (field.need == Need::later) continue;
      leaf(field, prefix + std::string(field.name), object, value);
    }
  }

  void leaf(const Field& field, std::string_view key, const void* object, const Value* value) {
    const Type& type = *field.type;
    const void* member = field.member_of(object);
    const Value* from = below(value, field.name);
    // A table written as a bare value: all of its keys come from there.
    if (from == nullptr && value != nullptr && !value->is_table()) from = value;
    std::string name(key);
    if (type.form == Type::Form::table) {
      const void* inner = type.inner(member);
      if (inner == nullptr && format_) inner = type.sample();
      if (inner != nullptr) keys(type, name + ".", inner, from);
      return;
    }
    visitor_.visit({name, field, member, from});
    bool tables =
        format_ && type.form == Type::Form::list && type.element->form == Type::Form::table;
    if (tables) keys(*type.element, name + "[].", type.element->sample(), nullptr);
  }

  LeafVisitor& visitor_;
  bool format_;
};

}  // namespace

std::string Leaf::text() const {
  std::string out;
  field.type->print(member, out);
  return out;
}

void walk_values(const Type& root, const void* object, const Value& value, LeafVisitor& visitor) {
  Walk(visitor, false).top(root, object, &value);
}

void walk_format(const Type& root, LeafVisitor& visitor) {
  Walk(visitor, true).top(root, root.sample(), nullptr);
}

}  // namespace sluice::config

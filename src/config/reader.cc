#include "config/reader.h"

#include <algorithm>

#include "base/text.h"
#include "config/home.h"
#include "config/suggest.h"

namespace sluice::config {

namespace {

constexpr IssueKind kUnknownKey{"unknown_key"};
constexpr IssueKind kKeyElsewhere{"key_elsewhere"};
constexpr IssueKind kLaterKey{"not_in_this_version"};
constexpr IssueKind kMissingKey{"missing_key"};
constexpr IssueKind kWrongType{"wrong_type"};
constexpr IssueKind kBadText{"bad_text"};
constexpr IssueKind kMissingUnit{"missing_unit"};
constexpr IssueKind kOutOfRange{"out_of_range"};
constexpr IssueKind kUnknownChoice{"unknown_choice"};
constexpr IssueKind kNameMissing{"name_missing"};
constexpr IssueKind kBadName{"bad_name"};
constexpr IssueKind kTooMany{"too_many_elements"};

const Field* find_field(std::span<const Field> fields, std::string_view name) {
  auto found =
      std::find_if(fields.begin(), fields.end(), [&](const Field& f) { return f.name == name; });
  return found == fields.end() ? nullptr : &*found;
}

std::string key_names(std::span<const Field> fields) {
  std::string out;
  for (const Field& field : fields) {
    if (field.need != Need::later) out += (out.empty() ? "" : ", ") + std::string(field.name);
  }
  return out;
}

std::string refusal(const Value& value, const Field& field) {
  std::string wanted(field.type->noun);
  if (!field.type->table.empty()) wanted = "the name of a [" + std::string(field.type->table) + ".NAME]";
  std::string text = quoted(field.name) + " is " + wanted;
  return field.type->conceals ? text + ", and this is none" : text + ", not " + describe(value);
}

std::string joined(std::span<const std::string_view> names) {
  std::string out;
  for (std::string_view name : names) out += (out.empty() ? "" : " | ") + std::string(name);
  return out;
}

}  // namespace

bool Reader::skips(const Value& value) {
  if (value.broken) ++skipped_;
  return value.broken;
}

std::string Reader::table_name() const {
  if (path_.empty()) return "the main table";
  std::string out;
  for (std::string_view name : path_) out += (out.empty() ? "" : ".") + printable(name);
  return "[" + out + "]";
}

void Reader::read_table(const Value& table, const Type& type, void* object) {
  std::span<const Field> fields = type.fields();
  for (const Entry& entry : table.entries) {
    const Field* field = find_field(fields, entry.name);
    if (field == nullptr) {
      unknown_key(entry, fields);
    } else if (field->need == Need::later) {
      issues_.add(kLaterKey, entry.at,
                  quoted(entry.name) + " in " + table_name() +
                      " is not supported by this version of sluice");
    } else {
      enter(field->name);
      field->type->read(*this, entry.value, *field, field->member(object));
      leave();
    }
  }
  for (const Field& field : fields) {
    if (field.need != Need::required || table.find(field.name) != nullptr) continue;
    Position at = path_.empty() ? Position{table.at.file, 0, 0, 1} : table.at;
    Issue& issue = issues_.add(
        kMissingKey, at,
        table_name() + " needs " + quoted(field.name) + ": " + std::string(field.about));
    if (!field.example.empty()) {
      issue.note = "for example " + std::string(field.name) + " = " + std::string(field.example);
    }
  }
}

void Reader::unknown_key(const Entry& entry, std::span<const Field> fields) {
  std::string text = "unknown key " + quoted(entry.name) + " in " + table_name();
  std::string home = near_home(root_, path_, entry);
  Nearest nearest(entry.name);
  for (const Field& field : fields) {
    if (field.need != Need::later) nearest.offer(field.name);
  }
  if (home.empty() && nearest.best().empty()) home = far_home(root_, path_, entry);
  if (!home.empty()) {
    issues_.add(kKeyElsewhere, entry.at, std::move(text)).hint = std::move(home);
    return;
  }
  Issue& issue = issues_.add(kUnknownKey, entry.at, std::move(text));
  issue.hint = nearest.hint();
  if (!issue.hint.empty()) return;
  issue.note = is_dotted_name(entry, fields)
                   ? "a name has no dots: write [" + printable(path_[0]) + "." + printable(path_[1]) + "-" + printable(entry.name) + "]"
                   : "its keys are " + key_names(fields);
}

// [route.api.v1] with keys of a route is meant as a route of that name; v1 = { ... } in [route.api] is not.
bool Reader::is_dotted_name(const Entry& entry, std::span<const Field> fields) const {
  const Field* section = path_.size() == 2 ? find_field(root_.fields(), path_[0]) : nullptr;
  if (section == nullptr || section->type->form != Type::Form::sections || !entry.value.is_table()) return false;
  if (!trim_ows(sources_.line(entry.at)).starts_with('[')) return false;
  return std::any_of(entry.value.entries.begin(), entry.value.entries.end(),
                     [&](const Entry& inner) { return find_field(fields, inner.name) != nullptr; });
}

void Reader::wrong_type(const Value& value, const Field& field) {
  if (skips(value)) return;
  Issue& issue = issues_.add(kWrongType, value.at, refusal(value, field));
  issue.concealed = field.type->conceals;
  if (field.type->form != Type::Form::table) return;
  issue.note = field.example.starts_with('{') ? "for example " + std::string(field.name) + " = " + std::string(field.example)
                                              : "its keys are " + key_names(field.type->fields());
}

void Reader::bad_text(const Value& value, const Field& field, size_t offset, std::string why) {
  if (skips(value)) return;
  Position at = value.at;
  if (offset > 0 && offset < value.text.size() && at.width == value.text.size() + 2) {
    at.column += static_cast<uint32_t>(offset + 1);  // behind the quote
    at.width = 1;
  }
  Issue& issue = issues_.add(kBadText, at, refusal(value, field));
  issue.note = std::move(why);
  issue.concealed = field.type->conceals;
}

void Reader::missing_unit(const Value& value, const Field& field, std::string hint) {
  issues_.add(kMissingUnit, value.at, quoted(field.name) + " needs a unit: it is " + std::string(field.type->noun)).hint =
      std::move(hint);
}

void Reader::out_of_range(const Value& value, const Field& field, std::string range) {
  issues_.add(kOutOfRange, value.at,
              quoted(field.name) + " must be " + std::move(range) + ", not " + describe(value));
}

void Reader::unknown_choice(const Value& value, const Field& field,
                            std::span<const std::string_view> choices) {
  if (skips(value)) return;
  Nearest nearest(value.text);
  for (std::string_view choice : choices) nearest.offer(choice);
  Issue& issue = issues_.add(
      kUnknownChoice, value.at,
      quoted(field.name) + " is one of " + joined(choices) + ", not " + describe(value));
  issue.hint = nearest.hint();
}

// [upstream.health] may be an upstream of that name: then it says something that upstreams say.
bool Reader::lacks_name(const Entry& entry, const Type& section) {
  if (section.form != Type::Form::table || find_field(section.fields(), entry.name) == nullptr) return false;
  if (entry.value.is_table()) {
    auto known = [&](const Entry& inner) { return find_field(section.fields(), inner.name) != nullptr; };
    if (entry.value.entries.empty() || std::any_of(entry.value.entries.begin(), entry.value.entries.end(), known)) return false;
  }
  std::string table = table_name();
  issues_.add(kNameMissing, entry.at, quoted(entry.name) + " stands in " + table + ", which has no name").note =
      "write [" + table.substr(1, table.size() - 2) + ".NAME]";
  return true;
}

bool Reader::check_name(const Entry& entry) {
  bool ok = !entry.name.empty() && entry.name.size() <= kNameBytesMax &&
            std::all_of(entry.name.begin(), entry.name.end(),
                        [](char c) { return is_alpha(c) || is_digit(c) || c == '_' || c == '-'; });
  if (ok) return true;
  Issue& issue =
      issues_.add(kBadName, entry.at, "bad name " + quoted(entry.name) + " in " + table_name());
  issue.note = "a name has letters, digits, _ and -, at most " + std::to_string(kNameBytesMax);
  return false;
}

bool Reader::check_count(const Value& value, size_t count) {
  if (count <= kElementsMax) return true;
  issues_.add(kTooMany, value.at,
              "more than " + std::to_string(kElementsMax) + " elements in " + table_name());
  return false;
}

}  // namespace sluice::config

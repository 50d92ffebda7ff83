#include "policy/headers.h"

#include <algorithm>

#include "base/text.h"

namespace sluice::policy {
namespace {

char folded(char c) { return c == '_' ? '-' : ascii_lower(c); }

void apply(const HeaderChanges& rules, const Call& call, http::Fields& fields) {
  // Values are computed before anything is removed: a rule may move one header to another.
  struct Made { const HeaderChanges::Change* change; std::string_view value; };
  size_t most = rules.set.size() + rules.add.size();
  Made* made = call.arena().array<Made>(most);
  size_t count = 0;
  for (const auto* list : {&rules.set, &rules.add}) {
    for (const auto& change : *list) {
      std::optional<std::string_view> value = change.value.render(call);
      // A literal was checked when the file was read.
      bool good = value && (change.value.is_literal() || http::is_field_value(*value));
      if (good) made[count++] = {&change, *value};
    }
  }
  rules.drop_named(fields);
  for (size_t i = 0; i < count; ++i) fields.add(made[i].change->id, made[i].change->name, made[i].value);
}

void describe_rules(std::string_view side, const HeaderChanges& rules, std::string& out) {
  auto list = [&](std::string_view verb, const auto& changes) {
    for (const auto& change : changes) {
      if (!out.empty()) out += ", ";
      out += side;
      out += verb;
      out += change.name;
    }
  };
  list(" remove ", rules.remove);
  list(" set ", rules.set);
  list(" add ", rules.add);
}

}  // namespace

bool same_header_name(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (folded(a[i]) != folded(b[i])) return false;
  }
  return true;
}

HeaderChanges::HeaderChanges(const HeaderRules& rules) {
  for (const auto& name : rules.remove) remove.push_back({name.value, http::field_id(name.value)});
  auto compile = [](const auto& from, std::vector<Change>& to) {
    for (const auto& item : from) to.push_back({item.name, http::field_id(item.name), Template(item.value.value)});
  };
  compile(rules.set, set);
  compile(rules.add, add);
  for (const Removal& removal : remove) drop(removal.name);
  for (const Change& change : set) drop(change.name);
}

void HeaderChanges::drop(std::string_view name) {
  std::string dashed(name);
  std::replace(dashed.begin(), dashed.end(), '_', '-');   // no interned name has an underscore
  dropped_ids_.add(http::field_id(dashed));
  dropped_ids_.add(http::FieldId::other);
  dropped_names_.push_back(std::move(dashed));
}

// In any spelling: a lax upstream would read "X_User" as the X-User that was removed or set (F5).
void HeaderChanges::drop_named(http::Fields& fields) const {
  if (!fields.present().meets(dropped_ids_)) return;
  fields.remove_if([this](const http::Field& field) {
    if (field.id != http::FieldId::other) return dropped_ids_.has(field.id);
    return std::any_of(dropped_names_.begin(), dropped_names_.end(), [&](const std::string& name) {
      return same_header_name(name, field.name());
    });
  });
}

std::string Headers::describe() const {
  std::string out;
  describe_rules("request", request_, out);
  describe_rules("response", response_, out);
  return out;
}

Verdict Headers::on_request(Call& call) const {
  if (!request_.empty()) apply(request_, call, call.request().fields);
  return Verdict::pass();
}

void Headers::on_response(Call& call, http::Head& response) const {
  if (!response_.empty()) apply(response_, call, response.fields);
}

}  // namespace sluice::policy

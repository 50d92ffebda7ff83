#include "admin/keys_page.h"

#include <algorithm>

#include "admin/json_text.h"
#include "observe/time_text.h"

namespace sluice::admin {
namespace {

void write_time(JsonText& json, std::string_view name, WallTime time, observe::TimeText& texts) {
  char out[observe::TimeText::kBytes];
  texts.write(out, time);
  json.text(name, {out, sizeof(out)});
}

}  // namespace

std::string keys_page(const snapshot::Snapshot& snapshot, size_t from) {
  JsonText json;
  observe::TimeText texts;
  json.object().array("keys");
  size_t left = kKeysPerPage, passed = 0;
  bool more = false;
  for (const auto& part : snapshot.auth) {
    if (!part->api_keys) continue;
    std::shared_ptr<const policy::KeyTable> table = part->api_keys->live().current();
    size_t first = std::min(from - std::min(from, passed), table->size());
    size_t end = first + std::min(left, table->size() - first);
    for (size_t i = first; i < end; ++i) {
      policy::KeyTable::Found key = table->at(i);
      json.object().text("auth", part->name).text("consumer", key.consumer).text("id", key.id);
      if (key.expires != WallTime::max()) write_time(json, "expires", key.expires, texts);
      if (auto used = table->last_use(i)) write_time(json, "last_used", *used, texts);
      json.end_object();
    }
    left -= end - first;
    passed += table->size();
    more |= end < table->size();
  }
  json.end_array();
  if (more) json.number("next", from + kKeysPerPage);
  return json.end_object().take() + '\n';
}

}  // namespace sluice::admin

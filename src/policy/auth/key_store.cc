#include "policy/auth/key_store.h"

#include <cerrno>
#include <cstring>
#include <fstream>

#include "base/bounded_lines.h"
#include "base/json.h"
#include "policy/auth/moment.h"

namespace sluice::policy {
namespace {

using Why = std::string;

Result<void, Why> read_texts(const JsonValue& value, std::vector<std::string>& out) {
  if (value.type() != JsonValue::Type::array) return Why("is no list of strings");
  for (JsonElements elements = value.elements(); elements.next();) {
    auto text = elements.value().string();
    if (!text) return Why("is no list of strings");
    out.emplace_back(*text);
  }
  return {};
}

Result<void, Why> read_ranges(const JsonValue& value, std::vector<Cidr>& out) {
  std::vector<std::string> texts;
  if (auto read = read_texts(value, texts); !read) return read;
  for (const std::string& text : texts) {
    auto range = Cidr::parse(text);
    if (!range) return Why("holds what is no address or range");
    out.push_back(*range);
  }
  return {};
}

Result<void, Why> read_claims(const JsonValue& value, Grants& grants) {
  if (!value.is_object()) return Why("is no object of strings");
  for (JsonMembers members = value.members(); members.next();) {
    auto text = members.value().string();
    if (!text) return Why("is no object of strings");
    grants.claims.emplace_back(members.name(), *text);
  }
  return {};
}

Result<void, Why> read_name(const JsonValue& value, std::string& out) {
  auto text = value.string();
  if (!text || text->empty() || text->size() > KeyTable::kTextBytesMax) return Why("is no text of 1 to 255 bytes");
  out = *text;
  return {};
}

Result<void, Why> read_member(std::string_view name, const JsonValue& value, KeyLine& line) {
  if (name == "id") return read_name(value, line.id);
  if (name == "consumer") return read_name(value, line.consumer);
  if (name == "scopes") return read_texts(value, line.grants.scopes);
  if (name == "roles") return read_texts(value, line.grants.roles);
  if (name == "groups") return read_texts(value, line.grants.groups);
  if (name == "allow_ips") return read_ranges(value, line.grants.allow_ips.ranges);
  if (name == "claims") return read_claims(value, line.grants);
  std::string_view text = value.string().value_or("");
  if (name == "sha256") {
    auto hash = config::TextForm<KeyHash>::parse(text);
    if (!hash) return Why("is no SHA-256 in 64 hex digits");
    line.hash = *hash;
    return {};
  }
  if (name == "expires") {
    auto at = parse_moment(text);
    if (!at) return Why("is no date such as 2027-01-31 or 2027-01-31T12:00:00Z");
    line.expires = *at;
    return {};
  }
  return Why("is not known");
}

}  // namespace

Result<KeyLine, std::string> read_key_line(JsonReader& reader, std::string_view text) {
  auto object = reader.read(text);
  if (!object) return Why("not a JSON object: ") + object.error().what;
  if (!object->is_object()) return Why("not a JSON object");
  KeyLine line;
  for (JsonMembers members = object->members(); members.next();) {
    auto read = read_member(members.name(), members.value(), line);
    if (!read) return "\"" + std::string(members.name().substr(0, 64)) + "\" " + read.error();
  }
  if (line.id.empty()) return Why("\"id\" is missing");
  if (line.consumer.empty()) return Why("\"consumer\" is missing");
  return line;
}

Grants grants_of(const ConsumerConfig& consumer, const IpLists& lists) {
  Grants grants{consumer.scopes, consumer.roles, consumer.groups, {}, make_allowed_ips(consumer.allow_ips, lists)};
  for (const auto& claim : consumer.claims) grants.claims.emplace_back(claim.name, claim.value);
  return grants;
}

std::shared_ptr<const KeyTable> make_key_table(const config::Sections<ConsumerConfig>& consumers, const IpLists& lists) {
  auto table = std::make_shared<KeyTable>();
  for (const auto& section : consumers) {
    const ConsumerConfig& consumer = section.value;
    Grants grants = grants_of(consumer, lists);
    for (const ConsumerKey& key : consumer.keys) {
      WallTime expires = key.expires ? key.expires->at : WallTime::max();
      CHECK(table->add(key.sha256.value, section.name, key.id.value, grants, expires));
    }
  }
  table->finish();
  return table;
}

Result<std::shared_ptr<const KeyTable>, std::string> read_key_table(std::istream& in) {
  auto table = std::make_shared<KeyTable>();
  JsonReader reader(kKeyLineBytesMax);
  for (BoundedLines lines(in, kKeyLineBytesMax); lines.next();) {
    std::string place = lines.place();
    if (lines.too_long()) return place + "longer than " + std::to_string(kKeyLineBytesMax) + " bytes";
    std::string_view text = lines.line();
    if (text.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    if (table->size() == KeyTable::kKeysMax) return place + "too many keys";
    auto line = read_key_line(reader, text);
    if (!line) return place + line.error();
    if (!line->hash) return place + "\"sha256\" is missing";
    if (!table->add(*line->hash, line->consumer, line->id, line->grants, line->expires))
      return place + "another line has the same key";
  }
  if (in.bad()) return std::string(std::strerror(errno));
  table->finish();
  return std::shared_ptr<const KeyTable>(std::move(table));
}

Result<std::shared_ptr<const KeyTable>, std::string> KeyFile::load(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::string(std::strerror(errno));
  return read_key_table(in);
}

Result<FilesSummary, std::string> KeyFile::read() {
  auto table = load(path_);
  if (!table) return table.error();
  size_t count = (*table)->size();
  keys_->replace(*std::move(table));
  return FilesSummary{std::to_string(count) + " keys"};
}

}  // namespace sluice::policy

#include "policy/ip_filter/ip_filter_config.h"

#include <algorithm>

#include "base/text.h"

namespace sluice::policy {

using config::field;
using config::Field;
using config::IssueKind;

namespace {

constexpr IssueKind kIpListSource{"ip_list_source"};
constexpr IssueKind kIpsEmpty{"ips_empty"};

constexpr Field kIpListFields[] = {
    field<&IpListConfig::addresses>(
        {.name = "addresses", .about = "Addresses and ranges.", .example = "[\"203.0.113.7\", \"2001:db8::/32\"]"}),
    field<&IpListConfig::file>(
        {.name = "file",
         .about = "In place of `addresses`: a file with an address or range a line; what follows # or ; is a comment. "
                  "A new version is in use within a second.",
         .example = "\"blocked.txt\""}),
};

}  // namespace

std::span<const Field> config_fields(const IpListConfig*) {
  return kIpListFields;
}

void config_check(const IpListConfig&, const config::Value& table, config::Reader& reader) {
  const config::Entry* addresses = table.find("addresses");
  const config::Entry* file = table.find("file");
  if ((addresses == nullptr) != (file == nullptr)) return;
  reader.issues().add(kIpListSource, file != nullptr ? file->at : table.at,
                      reader.table_name() + " has exactly one of addresses and file, not " +
                          (file != nullptr ? "both" : "none"));
}

void check_ip_filter(const config::Value& table, config::Reader& reader) {
  for (const Field& field : kIpFilterFields) {
    const config::Entry* entry = table.find(field.name);
    if (entry == nullptr || entry->value.kind != config::Value::Kind::list || !entry->value.items.empty()) continue;
    reader.issues().add(kIpsEmpty, entry->value.at, std::string(field.name) + " without elements").note =
        "leave it out where everybody may come";
  }
}

}  // namespace sluice::policy

namespace sluice::config {

Result<policy::IpSource, TextError> TextForm<policy::IpSource>::parse(std::string_view text) {
  policy::IpSource source;
  auto in_name = [](char c) { return is_alpha(c) || is_digit(c) || c == '_' || c == '-'; };
  if (!text.empty() && std::ranges::all_of(text, in_name)) {   // no address is without a dot or a colon
    source.list = text;
    return source;
  }
  auto range = TextForm<Cidr>::parse(text);
  if (!range) return range.error();
  source.range = *range;
  return source;
}

}  // namespace sluice::config

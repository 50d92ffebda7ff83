#include "policy/auth/consumer_config.h"

#include <algorithm>
#include <iterator>

#include "base/text.h"
#include "policy/auth/moment.h"

namespace sluice::policy {

using config::field;
using config::Field;

namespace {

constexpr Field kKeyFields[] = {
    field<&ConsumerKey::id>({.name = "id",
                             .about = "What logs call this key.",
                             .example = "\"k1\"",
                             .need = config::Need::required}),
    field<&ConsumerKey::sha256>({.name = "sha256",
                                 .about = "The key's hash: `sluice key new` prints both. The key "
                                          "itself stands nowhere.",
                                 .example = "\"5f1d...\"",
                                 .need = config::Need::required}),
    field<&ConsumerKey::expires>({.name = "expires",
                                  .about = "From this moment on the key is refused; a date alone is "
                                           "its first moment, UTC.",
                                  .example = "2027-01-31"}),
};

constexpr Field kConsumerFields[] = {
    field<&ConsumerConfig::keys>({.name = "keys",
                                  .about = "API keys, as hashes; several for a rotation without a gap.",
                                  .example = "[{ id = \"k1\", sha256 = \"5f1d...\" }]"}),
    field<&ConsumerConfig::signing_keys>(
        {.name = "signing_keys",
         .about = "Keys that requests are signed with (type = \"signature\"); several for a rotation without a gap.",
         .example = "[{ id = \"s1\", algorithm = \"ed25519\", public_key = \"acme.pem\" }]"}),
    field<&ConsumerConfig::certificates>(
        {.name = "certificates",
         .about = "Client certificates (type = \"mtls\"), each by one of its names: sha256 (of the whole certificate), "
                  "uri, dns, email (subject alternative names), subject (RFC 4514).",
         .example = "[{ dns = \"acme.example\" }, { uri = \"spiffe://acme/orders\" }]"}),
    field<&ConsumerConfig::users>(
        {.name = "users",
         .about = "Names of its users (type = \"basic\"); others are nobody's, and come in all the same.",
         .example = "[\"acme-batch\"]"}),
    field<&ConsumerConfig::scopes>({.name = "scopes",
                                    .about = "What its credentials grant, for `allow`.",
                                    .example = "[\"orders:read\"]"}),
    field<&ConsumerConfig::roles>(
        {.name = "roles", .about = "Its roles, for `allow`.", .example = "[\"support\"]"}),
    field<&ConsumerConfig::groups>(
        {.name = "groups", .about = "Its groups, for `allow`.", .example = "[\"partners\"]"}),
    field<&ConsumerConfig::allow_ips>(
        {.name = "allow_ips",
         .about = "Its credentials count from these ranges and [ip_list.NAME]s only; empty: from anywhere.",
         .example = "[\"office\", \"203.0.113.0/24\"]"}),
    field<&ConsumerConfig::claims>({.name = "claims",
                                    .about = "Facts about it: {claim.NAME}.",
                                    .example = "{ tenant = \"gold\" }"}),
    field<&ConsumerConfig::limits>(
        {.name = "limit",
         .about = "Each [limit.NAME] that its requests are held against on every route that it is known on, after "
                  "authentication and beside the route's own. All consumers that name a limit share it, unless "
                  "\"consumer\" is in its key.",
         .example = "[\"gold\"]"}),
};

}  // namespace

std::span<const Field> config_fields(const ConsumerKey*) {
  return kKeyFields;
}
std::span<const Field> config_fields(const ConsumerConfig*) {
  return kConsumerFields;
}

}  // namespace sluice::policy

namespace sluice::config {

Result<policy::KeyHash, TextError> TextForm<policy::KeyHash>::parse(std::string_view text) {
  policy::KeyHash hash;
  for (size_t i = 0; i < text.size(); ++i) {
    int digit = hex_value(text[i]);
    if (digit < 0) return TextError{"not a hex digit", i};
    if (i / 2 == hash.bytes.size()) break;
    hash.bytes[i / 2] = static_cast<uint8_t>(hash.bytes[i / 2] << 4 | digit);
  }
  if (text.size() != 2 * hash.bytes.size()) {
    return TextError{"it has " + std::to_string(text.size()) + " digits, not 64", 0};
  }
  return hash;
}

std::string TextForm<policy::KeyHash>::print(const policy::KeyHash& hash) {
  std::string out;
  for (uint8_t byte : hash.bytes) {
    out += "0123456789abcdef"[byte >> 4];
    out += "0123456789abcdef"[byte & 15];
  }
  return out;
}

namespace {

constexpr std::string_view kNameKinds[] = {"sha256", "uri", "dns", "email", "subject"};
static_assert(std::size(kNameKinds) == policy::kCertificateNameKinds);

/// As the certificate's names are compared: digests and DNS names in lower case.
std::string comparable(std::string text, policy::CertificateName::Kind kind) {
  using Kind = policy::CertificateName::Kind;
  if (kind != Kind::sha256 && kind != Kind::dns) return text;
  if (kind == Kind::sha256) std::erase(text, ':');
  std::ranges::transform(text, text.begin(), ascii_lower);
  return text;
}

}  // namespace

void TypeOf<policy::CertificateName>::read(Reader& reader, const Value& value, const Field& field, void* out) {
  if (!value.is_table() || value.entries.size() != 1) return reader.wrong_type(value, field);
  const Entry& entry = value.entries.front();
  auto kind = std::ranges::find(kNameKinds, entry.name);
  if (kind == std::end(kNameKinds) || entry.value.kind != Value::Kind::string || entry.value.text.empty())
    return reader.wrong_type(value, field);
  auto& name = *static_cast<policy::CertificateName*>(out);
  name.kind = static_cast<policy::CertificateName::Kind>(kind - std::begin(kNameKinds));
  name.text = {comparable(entry.value.text, name.kind), entry.value.at};
  if (name.kind != policy::CertificateName::Kind::sha256) return;
  auto hash = TextForm<policy::KeyHash>::parse(name.text.value);
  if (!hash) reader.bad_text(entry.value, field, hash.error().offset, hash.error().why);
}

void TypeOf<policy::CertificateName>::print(const void* object, std::string& out) {
  const auto& name = *static_cast<const policy::CertificateName*>(object);
  out += "{ " + std::string(kNameKinds[static_cast<size_t>(name.kind)]) + " = " + toml_string(name.text.value) + " }";
}

void TypeOf<policy::Moment>::read(Reader& reader, const Value& value, const Field& field, void* out) {
  if (value.kind != Value::Kind::date) return reader.wrong_type(value, field);
  std::optional<WallTime> at = policy::parse_moment(value.text);
  if (!at) return reader.bad_text(value, field, 0, "a date with a time needs its zone: 2027-01-31T12:00:00Z");
  *static_cast<policy::Moment*>(out) = {*at, value.text};
}

void TypeOf<policy::Moment>::print(const void* object, std::string& out) {
  out += static_cast<const policy::Moment*>(object)->text;
}

}  // namespace sluice::config

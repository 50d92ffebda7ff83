// Files that sections name (those of TLS: config_tls.cc): there, readable, in their form. Plugins: loadable, content with
// their settings.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/text.h"
#include "config/file_text.h"
#include "plugin/plugin.h"
#include "policy/auth/jwt_files.h"
#include "policy/auth/key_store.h"
#include "policy/auth/user_table.h"
#include "policy/ip_filter/ip_list_file.h"
#include "snapshot/config_check.h"
#include "snapshot/signing_keys.h"

namespace sluice::snapshot {

using config::Document;
using config::IssueKind;
using config::quoted;
using config::quoted_path;
using config::Severity;

namespace {

constexpr IssueKind kPluginUnreadable{"plugin_unreadable"};
constexpr IssueKind kPluginDenied{"plugin_denied", Severity::unchecked};
constexpr IssueKind kPluginUnsafe{"plugin_unsafe"};
constexpr IssueKind kPluginInvalid{"plugin_invalid"};
constexpr IssueKind kPluginSettings{"plugin_settings"};
constexpr IssueKind kKeyFileUnreadable{"key_file_unreadable"};
constexpr IssueKind kKeyFileInvalid{"key_file_invalid"};
constexpr IssueKind kSigningKeyInvalid{"signing_key_invalid"};
constexpr IssueKind kIpListInvalid{"ip_list_invalid"};
constexpr IssueKind kIpListUnreadable{"ip_list_unreadable"};
constexpr IssueKind kIpListDenied{"ip_list_denied", Severity::unchecked};
constexpr IssueKind kKeyFileDenied{"key_file_denied", Severity::unchecked};

void report(const config::Section<plugin::PluginConfig>& section, const plugin::Fault& fault,
            Document& document) {
  using Kind = plugin::Fault::Kind;
  const config::FilePath& file = section.value.file;
  std::string path = quoted_path(file.path), why = printable(fault.why);
  config::Issues& issues = document.issues;
  switch (fault.kind) {
    case Kind::unreadable:
      issues.add(kPluginUnreadable, file.at, "cannot read plugin " + path + ": " + why);
      break;
    case Kind::denied:
      issues.add(kPluginDenied, file.at, "plugin " + path + ": " + why).note =
          "check as the service's own user, with --as-service";
      break;
    case Kind::unsafe:
      issues.add(kPluginUnsafe, file.at, "plugin " + path + ": " + why);
      break;
    case Kind::invalid:
      issues.add(kPluginInvalid, file.at, "plugin " + path + " cannot be used: " + why);
      break;
    case Kind::settings:
      issues.add(kPluginSettings, section.at,
                 "[plugin." + section.name + "] does not take its settings: " + why);
      break;
  }
}

/// What is said of a file that cannot be read: for want of permission, or for another reason.
struct FileKinds {
  const IssueKind& denied;
  const IssueKind& unreadable;
};
constexpr FileKinds kKeyFile{kKeyFileDenied, kKeyFileUnreadable};
constexpr FileKinds kIpListFile{kIpListDenied, kIpListUnreadable};

/// gives: whether there is something to read
bool can_read(const config::FilePath& file, const FileKinds& kinds, Document& document) {
  if (::faccessat(AT_FDCWD, file.path.c_str(), R_OK, AT_EACCESS) == 0) return true;
  const IssueKind& kind = errno == EACCES ? kinds.denied : kinds.unreadable;
  document.issues.add(kind, file.at, "cannot read " + quoted_path(file.path) + ": " + std::strerror(errno));
  return false;
}

void check_key_file(const config::FilePath& file, Document& document) {
  if (!can_read(file, kKeyFile, document)) return;
  auto table = policy::KeyFile::load(file.path);
  if (!table) document.issues.add(kKeyFileInvalid, file.at, quoted_path(file.path) + ": " + printable(table.error()));
}

void check_ip_list(const config::FilePath& file, Document& document) {
  if (file.empty() || !can_read(file, kIpListFile, document)) return;
  auto ranges = policy::IpListFile::load(file.path);
  if (!ranges) document.issues.add(kIpListInvalid, file.at, quoted_path(file.path) + ": " + printable(ranges.error()));
}

/// `read(text)` gives what is wrong with it, or nothing.
template <class Read>
void check_text_file(const config::FilePath& file, size_t bytes_max, Document& document, Read read) {
  if (file.empty() || !can_read(file, kKeyFile, document)) return;
  std::string why;
  auto text = config::read_file_text(file.path, bytes_max, why, std::chrono::milliseconds(0));
  if (text) why = text->size() > bytes_max ? "too large" : read(*text);
  if (!why.empty()) document.issues.add(kKeyFileInvalid, file.at, quoted_path(file.path) + ": " + printable(why));
}

void check_jwt_files(const policy::AuthConfig& auth, Document& document) {
  auto keys = [&](const std::string& text) {
    auto result = policy::read_key_text(auth, text);
    return result ? std::string() : result.error();
  };
  check_text_file(auth.jwks_file, policy::kKeySetBytesMax, document, keys);
  check_text_file(auth.public_key, policy::kPublicKeyBytesMax, document, keys);
  check_text_file(auth.revoked, policy::kRevocationBytesMax, document, [](const std::string& text) {
    auto list = policy::Revocations::read(text);
    return list ? std::string() : list.error();
  });
}

void check_user_file(const config::FilePath& file, Document& document) {
  if (file.empty() || !can_read(file, kKeyFile, document)) return;
  auto users = policy::UserFile::load(file.path);
  if (!users) document.issues.add(kKeyFileInvalid, file.at, quoted_path(file.path) + ": " + printable(users.error()));
}

void check_public_keys(const policy::ConsumerConfig& consumer, Document& document) {
  for (const policy::SigningKeyConfig& key : consumer.signing_keys) {
    const policy::PublicKeySource& source = key.public_key;
    if (source.empty() || key.has_secret()) continue;
    if (!source.file.empty() && !can_read(source.file, kKeyFile, document)) continue;
    auto read = read_public_signing_key(key);
    if (read) continue;
    document.issues.add(kSigningKeyInvalid, source.at,
                        "public key of " + quoted(key.id.value) + ": " + printable(read.error()));
  }
}

}  // namespace

void check_files(const Config& config, Document& document) {
  for (const auto& auth : config.auth) {
    if (auth.value.store.kind == policy::KeyStore::Kind::file) check_key_file(auth.value.store.file, document);
    if (auth.sound && auth.value.type == policy::AuthType::jwt) check_jwt_files(auth.value, document);
    check_user_file(auth.value.file, document);
  }
  for (const auto& consumer : config.consumer) check_public_keys(consumer.value, document);
  for (const auto& list : config.ip_list) check_ip_list(list.value.file, document);
  for (const auto& section : config.plugin) {
    if (!section.sound) continue;
    auto loaded = plugin::Plugin::load(section.name, section.value);
    if (!loaded) report(section, loaded.error(), document);
  }
}

}  // namespace sluice::snapshot

#include "snapshot/files_hash.h"

#include <string_view>

#include "base/hash.h"
#include "snapshot/tls_options.h"

namespace sluice::snapshot {
namespace {

/// What is added, in an order that both ways keep: upstreams, Redis, tables of TLS, plugins, by name.
class FilesHash {
 public:
  void add(std::string_view name, uint64_t contents) {
    state_ = fnv1a(name, state_);
    state_ = fnv1a({reinterpret_cast<const char*>(&contents), sizeof(contents)}, state_);
  }
  void add(const net::WatchedTls& tls) { add(tls.name(), tls.fingerprint()); }
  /// gives: whether they could be read
  bool add(std::string_view name, const std::vector<std::string>& tls_files) {
    auto files = net::TlsFiles::read(tls_files);
    if (files) add(name, files->fingerprint());
    return bool(files);
  }
  uint64_t value() const { return state_; }

 private:
  uint64_t state_ = fnv1a("");
};

}  // namespace

uint64_t files_hash(const Snapshot& snapshot) {
  FilesHash hash;
  for (const auto& part : snapshot.upstreams) {
    if (part->tls) hash.add(*part->tls);
  }
  for (const auto& part : snapshot.redis) {
    if (part->tls) hash.add(*part->tls);
  }
  for (const auto& part : snapshot.tls) hash.add(*part->tls);
  for (const auto& part : snapshot.plugins) {
    hash.add("plugin." + part->name, part->plugin->fingerprint());
  }
  return hash.value();
}

std::optional<uint64_t> files_hash(const Config& config) {
  FilesHash hash;
  for (const auto& section : config.upstream) {
    if (!section.value.uses_tls()) continue;
    if (!hash.add(tls_name(section), tls_options(section).files())) return {};
  }
  for (const auto& section : config.redis) {
    if (!section.value.uses_tls()) continue;
    if (!hash.add(tls_name(section), tls_options(section).files())) return {};
  }
  for (const auto& section : config.tls) {
    if (!hash.add(tls_name(section), tls_options(section).files())) return {};
  }
  for (const auto& section : config.plugin) {
    auto contents = plugin::Library::fingerprint_of(section.value.file.path);
    if (!contents) return {};
    hash.add("plugin." + section.name, *contents);
  }
  return hash.value();
}

}  // namespace sluice::snapshot

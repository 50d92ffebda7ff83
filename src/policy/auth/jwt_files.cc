#include "policy/auth/jwt_files.h"

#include <utility>

#include "base/hash.h"
#include "base/log.h"
#include "config/file_text.h"

namespace sluice::policy {
namespace {

const std::string& key_path(const AuthConfig& auth) {
  return auth.jwks_file.empty() ? auth.public_key.path : auth.jwks_file.path;
}
size_t key_bytes_max(const AuthConfig& auth) {
  return auth.jwks_file.empty() ? kPublicKeyBytesMax : kKeySetBytesMax;
}

std::optional<std::string> read_text(const std::string& path, size_t bytes_max, std::string& why) {
  auto text = config::read_file_text(path, bytes_max, why, std::chrono::milliseconds(0));
  if (text && text->size() > bytes_max) {
    why = "too large";
    text.reset();
  }
  if (!text) why = path + ": " + why;
  return text;
}

}  // namespace

JwtFiles::JwtFiles(std::string name, const AuthConfig& auth, std::shared_ptr<JwtWorld> world)
    : name_(std::move(name)), auth_(auth), world_(std::move(world)) {}

std::vector<std::string> JwtFiles::files() const {
  std::vector<std::string> files;
  if (auth_.has_key_file()) files.push_back(key_path(auth_));
  if (!auth_.revoked.empty()) files.push_back(auth_.revoked.path);
  return files;
}

Result<JwtKeySetText, std::string> read_key_text(const AuthConfig& auth, const std::string& text) {
  JwtAlgorithmSet algorithms = jwt_algorithms(auth);
  if (!auth.jwks_file.empty()) return read_jwk_set(text, algorithms, KeySetSource::file);
  Result<crypto::PublicKey> key = crypto::PublicKey::from_pem(text);
  if (!key) return std::string(key.error().what);
  std::vector<JwtKey> keys;
  keys.emplace_back("", *key, algorithms);   // whatever id a token names
  if (!keys.front().useful())
    return std::string("a key of type ") + std::string(crypto::key_type_name(key->type())) +
           ", with which none of the algorithms goes";
  return JwtKeySetText{JwtKeySet(std::move(keys)), {}};
}

std::string JwtFiles::read_keys() {
  std::string why;
  auto text = read_text(key_path(auth_), key_bytes_max(auth_), why);
  if (!text) return why;
  uint64_t fingerprint = fnv1a(*text);
  if (fingerprint == keys_fingerprint_) return {};
  auto read = read_key_text(auth_, *text);
  if (!read) return key_path(auth_) + ": " + read.error();
  for (const std::string& one : read->left_out)
    LOG(warn, "token key left out", kv("auth", name_), kv("key", one));
  world_->keys.replace(std::make_shared<const JwtKeySet>(std::move(read->keys)));
  keys_fingerprint_ = fingerprint;
  return {};
}

std::string JwtFiles::read_revoked() {
  std::string why;
  auto text = read_text(auth_.revoked.path, kRevocationBytesMax, why);
  if (!text) return why;
  uint64_t fingerprint = fnv1a(*text);
  if (fingerprint == revoked_fingerprint_) return {};
  auto read = Revocations::read(*text);
  if (!read) return auth_.revoked.path + ": " + read.error();
  world_->revocations.replace(std::make_shared<const Revocations>(*std::move(read)));
  revoked_fingerprint_ = fingerprint;
  return {};
}

// Each file stands for itself: a broken key file holds up no revocation.
Result<FilesSummary, std::string> JwtFiles::read() {
  std::string keys = auth_.has_key_file() ? read_keys() : std::string();
  std::string revoked = auth_.revoked.empty() ? std::string() : read_revoked();
  if (!keys.empty() && !revoked.empty()) return keys + "; " + revoked;
  if (!keys.empty() || !revoked.empty()) return keys + revoked;
  std::string text = std::to_string(world_->keys.current()->size()) + " keys";
  if (!auth_.revoked.empty())
    text += ", " + std::to_string(world_->revocations.current()->size()) + " revocations";
  return FilesSummary{text};
}

}  // namespace sluice::policy

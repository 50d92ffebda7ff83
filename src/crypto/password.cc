#include "crypto/password.h"

#include <argon2.h>
#include <crypt.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>

#include "base/base64.h"
#include "base/check.h"
#include "base/text.h"
#include "crypto/digest.h"
#include "crypto/random.h"

namespace sluice::crypto {
namespace {

using Kind = PasswordHash::Kind;

constexpr size_t kBcryptBytes = 60;
constexpr size_t kBcryptCostBytes = 6;   // "$2y$10"
constexpr unsigned long kOwnBcryptCost = 12;
constexpr uint32_t kOwnMemory = 19 * 1024, kOwnPasses = 2, kOwnLanes = 1;   // OWASP's cheat sheet, 2023

/// Takes `prefix` off the front. gives: whether it was there
bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

/// A number and what ends it.
std::optional<uint32_t> take_number(std::string_view& text, char end) {
  size_t at = text.find(end);
  if (at == text.npos || at > 9) return std::nullopt;
  auto number = parse_decimal(text.substr(0, at));
  if (!number) return std::nullopt;
  text.remove_prefix(at + 1);
  return static_cast<uint32_t>(*number);
}

/// Argon2's: without padding.
bool decode(std::string_view text, std::string& out) {
  std::string padded(text);
  padded.append((4 - text.size() % 4) % 4, '=');
  return text.find('=') == text.npos && decode_base64(padded, out);
}

/// The state of libxcrypt holds what it last hashed.
struct CryptState {
  std::unique_ptr<crypt_data> data = std::make_unique<crypt_data>();
  ~CryptState() { OPENSSL_cleanse(data.get(), sizeof(crypt_data)); }
};

unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

}  // namespace

Result<PasswordHash, std::string> PasswordHash::parse(std::string_view text) {
  PasswordHash hash;
  hash.text_ = text;
  std::string_view rest = text;
  if (take(rest, "$2y$") || take(rest, "$2b$") || take(rest, "$2a$")) {
    auto letter = [](char c) { return is_digit(c) || is_alpha(c) || c == '.' || c == '/'; };
    auto cost = take_number(rest, '$');
    bool whole = text.size() == kBcryptBytes && text[kBcryptCostBytes] == '$' && std::ranges::all_of(rest, letter);
    if (!cost || *cost < 4 || !whole) return std::string("is no whole bcrypt hash");
    if (*cost > kBcryptCostMax) return "is a bcrypt hash of a cost over " + std::to_string(kBcryptCostMax);
    hash.cost_bytes_ = kBcryptCostBytes;
    return hash;
  }
  if (take(rest, "$argon2id$")) hash.kind_ = Kind::argon2id;
  else if (take(rest, "$argon2i$")) hash.kind_ = Kind::argon2i;
  else if (take(rest, "$argon2d$")) hash.kind_ = Kind::argon2d;
  else return std::string("is neither a bcrypt nor an Argon2 hash");
  hash.version_ = ARGON2_VERSION_10;   // what has no version is of the first
  if (take(rest, "v=")) hash.version_ = take_number(rest, '$').value_or(0);
  auto number = [&rest](std::string_view name, char end) { return take(rest, name) ? take_number(rest, end) : std::nullopt; };
  auto memory = number("m=", ','), passes = number("t=", ','), lanes = number("p=", '$');
  size_t between = rest.find('$');
  bool known = hash.version_ == ARGON2_VERSION_13 || hash.version_ == ARGON2_VERSION_10;
  if (!known || !memory || !passes || !lanes || between == rest.npos || !decode(rest.substr(0, between), hash.salt_) ||
      !decode(rest.substr(between + 1), hash.digest_))
    return std::string("is no whole Argon2 hash");
  if (hash.salt_.size() < ARGON2_MIN_SALT_LENGTH || hash.digest_.size() < 16 || *lanes == 0 || *passes == 0 ||
      *memory < 8 * *lanes || hash.salt_.size() > 64 || hash.digest_.size() > 64)
    return std::string("is an Argon2 hash with impossible numbers");
  if (*memory > kArgon2MemoryMax || *passes > kArgon2PassesMax || *lanes > kArgon2LanesMax)
    return "is an Argon2 hash that costs too much: at most m=" + std::to_string(kArgon2MemoryMax) +
           ", t=" + std::to_string(kArgon2PassesMax) + ", p=" + std::to_string(kArgon2LanesMax);
  hash.memory_ = *memory;
  hash.passes_ = *passes;
  hash.lanes_ = *lanes;
  hash.cost_bytes_ = text.size() - rest.size() - 1;
  return hash;
}

bool PasswordHash::verify(std::string_view password) const {
  if (password.size() > kPasswordBytesMax || password.find('\0') != password.npos) return false;
  return kind_ == Kind::bcrypt ? verify_bcrypt(password) : verify_argon2(password);
}

bool PasswordHash::verify_bcrypt(std::string_view password) const {
  CryptState state;
  std::string phrase(password);
  const char* made = crypt_rn(phrase.c_str(), text_.c_str(), state.data.get(), sizeof(crypt_data));
  OPENSSL_cleanse(phrase.data(), phrase.size());
  return made != nullptr && equal_constant_time(made, text_);
}

bool PasswordHash::verify_argon2(std::string_view password) const {
  std::string phrase(password), salt = salt_, made(digest_.size(), '\0');
  argon2_context context{};
  context.out = bytes_of(made);
  context.outlen = narrow<uint32_t>(made.size());
  context.pwd = bytes_of(phrase);
  context.pwdlen = narrow<uint32_t>(phrase.size());
  context.salt = bytes_of(salt);
  context.saltlen = narrow<uint32_t>(salt.size());
  context.t_cost = passes_;
  context.m_cost = memory_;
  context.lanes = lanes_;
  context.threads = 1;   // the threads of Offload are all there are
  context.version = version_;
  argon2_type type = kind_ == Kind::argon2id ? Argon2_id : kind_ == Kind::argon2i ? Argon2_i : Argon2_d;
  int result = argon2_ctx(&context, type);
  OPENSSL_cleanse(phrase.data(), phrase.size());
  return result == ARGON2_OK && equal_constant_time(made, digest_);
}

std::string hash_bcrypt(std::string_view password) {
  std::array<char, 16> salt;
  fill_random({reinterpret_cast<unsigned char*>(salt.data()), salt.size()});
  std::array<char, CRYPT_GENSALT_OUTPUT_SIZE> setting;
  CHECK(crypt_gensalt_rn("$2y$", kOwnBcryptCost, salt.data(), salt.size(), setting.data(), setting.size()) != nullptr);
  CryptState state;
  std::string phrase(password);
  const char* made = crypt_rn(phrase.c_str(), setting.data(), state.data.get(), sizeof(crypt_data));
  OPENSSL_cleanse(phrase.data(), phrase.size());
  CHECK(made != nullptr);
  return made;
}

std::string hash_argon2id(std::string_view password) {
  std::array<unsigned char, 16> salt;
  fill_random(salt);
  std::array<char, 128> text;
  CHECK(argon2id_hash_encoded(kOwnPasses, kOwnMemory, kOwnLanes, password.data(), password.size(), salt.data(),
                              salt.size(), 32, text.data(), text.size()) == ARGON2_OK);
  return text.data();
}

}  // namespace sluice::crypto

#include <algorithm>
#include <set>

#include "base/base64url.h"
#include "base/json.h"
#include "base/text.h"
#include "policy/auth/jwt_keys.h"

namespace sluice::policy {
namespace {

/// One member of "keys", as far as it was understood.
class Jwk {
 public:
  explicit Jwk(JsonValue value) : value_(value) {}

  std::string_view text(std::string_view name) const {
    auto member = value_.member(name);
    return member ? member->string().value_or(std::string_view()) : std::string_view();
  }
  bool has(std::string_view name) const { return value_.member(name).has_value(); }
  /// gives: empty where there is none or it is no base64url
  std::string bytes(std::string_view name) const {
    std::string out;
    decode_base64url(text(name), out);
    return out;
  }
  /// Whether it may verify signatures at all (RFC 7517 sections 4.2 and 4.3).
  bool may_verify() const {
    if (has("use") && text("use") != "sig") return false;
    auto operations = value_.member("key_ops");
    if (!operations) return true;
    for (JsonElements each = operations->elements(); each.next();) {
      if (each.value().string() == "verify") return true;
    }
    return false;
  }

 private:
  JsonValue value_;
};

std::optional<crypto::KeyType> curve_of(std::string_view name) {
  for (crypto::KeyType type : {crypto::KeyType::p256, crypto::KeyType::p384, crypto::KeyType::p521,
                               crypto::KeyType::ed25519, crypto::KeyType::ed448}) {
    if (crypto::key_type_name(type) == name) return type;
  }
  return std::nullopt;
}

constexpr Error kUnknownKey{Code::unsupported, Side::gateway, Progress::unsent,
                            "of a type that is not supported"};

Result<crypto::PublicKey> public_key(const Jwk& jwk) {
  std::string_view type = jwk.text("kty");
  if (type == "RSA") return crypto::PublicKey::from_rsa(jwk.bytes("n"), jwk.bytes("e"));
  auto curve = curve_of(jwk.text("crv"));
  if (!curve) return kUnknownKey;
  bool edwards = *curve == crypto::KeyType::ed25519 || *curve == crypto::KeyType::ed448;
  if (type == "EC" && !edwards)
    return crypto::PublicKey::from_point(*curve, jwk.bytes("x"), jwk.bytes("y"));
  if (type == "OKP" && edwards) return crypto::PublicKey::from_edwards(*curve, jwk.bytes("x"));
  return kUnknownKey;
}

/// What the key itself says it is for, within what the configuration allows.
JwtAlgorithmSet algorithms_of(const Jwk& jwk, JwtAlgorithmSet allowed) {
  if (!jwk.has("alg")) return allowed;
  JwtAlgorithmSet own;
  auto named = jwt_algorithm_from(jwk.text("alg"));
  if (named && allowed.has(*named)) own.add(*named);
  return own;
}

class SetReader {
 public:
  SetReader(JwtAlgorithmSet allowed, KeySetSource source) : allowed_(allowed), source_(source) {}

  Result<JwtKeySetText, std::string> read(JsonValue root) {
    auto list = root.member("keys");
    if (!list || list->type() != JsonValue::Type::array)
      return std::string("no JWK Set: it has no list \"keys\"");
    size_t count = 0;
    for (JsonElements each = list->elements(); each.next();) {
      if (++count > kKeysMax) return std::string("more than 10000 keys");
      std::string fault = take(Jwk(each.value()), count);
      if (!fault.empty()) return fault;
    }
    if (keys_.empty()) return nothing_usable(count);
    JwtKeySetText result;
    result.keys = JwtKeySet(std::move(keys_));
    result.left_out = std::move(left_out_);
    return result;
  }

 private:
  std::string nothing_usable(size_t count) const {
    if (count == 0) return "no keys in it";
    std::string text = "none of its keys can be used";
    for (const std::string& one : left_out_) text += "; " + one;
    return text;
  }

  /// gives: why the whole set is refused, or nothing
  std::string take(const Jwk& jwk, size_t number) {
    std::string id(jwk.text("kid"));
    std::string name = id.empty() ? "key " + std::to_string(number) : "key \"" + printable(id) + "\"";
    bool secret = jwk.text("kty") == "oct";
    if (secret && source_ == KeySetSource::network)
      return name + " is a shared secret, and published";
    if (!secret && jwk.has("d")) return name + " is a private key";
    if (secret != (secrets_ > 0) && secrets_ + publics_ > 0)
      return "shared secrets and public keys in one set";
    ++(secret ? secrets_ : publics_);
    if (!jwk.may_verify()) return leave_out(name + ": not for signatures");
    if (!id.empty() && !ids_.emplace(id, jwk.text("kty")).second)
      return name + " is there twice";
    return add(jwk, std::move(id), name);
  }

  std::string add(const Jwk& jwk, std::string id, const std::string& name) {
    JwtAlgorithmSet algorithms = algorithms_of(jwk, allowed_);
    if (algorithms.empty()) return leave_out(name + ": for algorithms that are not accepted");
    if (jwk.text("kty") == "oct") return keep(JwtKey(std::move(id), jwk.bytes("k"), algorithms), name);
    Result<crypto::PublicKey> key = public_key(jwk);
    if (!key) return leave_out(name + ": " + key.error().what);
    return keep(JwtKey(std::move(id), *key, algorithms), name);
  }

  std::string keep(JwtKey key, const std::string& name) {
    if (!key.useful()) return leave_out(name + ": for none of the accepted algorithms");
    keys_.push_back(std::move(key));
    return {};
  }

  std::string leave_out(std::string why) {
    if (left_out_.size() < kLeftOutMax) left_out_.push_back(std::move(why));
    return {};
  }

  static constexpr size_t kLeftOutMax = 20;   // named in the log; a set may have thousands

  JwtAlgorithmSet allowed_;
  KeySetSource source_;
  size_t secrets_ = 0;
  size_t publics_ = 0;
  std::set<std::pair<std::string, std::string>> ids_;   // with the type of the key
  std::vector<JwtKey> keys_;
  std::vector<std::string> left_out_;
};

}  // namespace

Result<JwtKeySetText, std::string> read_jwk_set(std::string_view text, JwtAlgorithmSet algorithms,
                                                KeySetSource source) {
  JsonReader reader(kKeySetBytesMax);
  Result<JsonValue> root = reader.read(text);
  if (!root) {
    return root.error().code == Code::too_large ? std::string("more than 1 MiB")
                                                : std::string(root.error().what);
  }
  return SetReader(algorithms, source).read(*root);
}

}  // namespace sluice::policy

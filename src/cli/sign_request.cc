#include "cli/sign_request.h"

#include <cstdio>
#include <optional>

#include "base/base64.h"
#include "crypto/private_key.h"
#include "crypto/random.h"
#include "http/h1_parser.h"
#include "policy/signature/aws_verifier.h"
#include "policy/signature/offered_signature.h"
#include "policy/signature/signing_key.h"

namespace sluice::cli {
namespace {

using policy::SigningAlgorithm;
using Why = std::string;
using Fields = std::vector<std::pair<std::string, std::string>>;

std::string sha256(std::string_view text) { return crypto::Digest(crypto::Hash::sha256).of(text); }

std::string base64(std::string_view bytes) {
  std::string out;
  append_base64(bytes, out);
  return out;
}

std::string hex(std::string_view bytes) {
  std::string out;
  for (char c : bytes) {
    auto byte = static_cast<unsigned char>(c);
    out += "0123456789abcdef"[byte >> 4];
    out += "0123456789abcdef"[byte & 15];
  }
  return out;
}

std::string nonce() {
  unsigned char bytes[18];
  crypto::fill_random(bytes);
  return base64({reinterpret_cast<const char*>(bytes), sizeof(bytes)});
}

/// The request, read as the gateway will read it.
class ReadRequest {
 public:
  ReadRequest(const UnsignedRequest& request, const Fields& added) : arena_(pool_), head_(arena_) {
    std::string text = request.method + " " + request.target + " HTTP/1.1\r\nHost: " + request.authority + "\r\n";
    for (const Fields* fields : {&request.fields, &added}) {
      for (const auto& [name, value] : *fields) text += name + ": " + value + "\r\n";
    }
    if (request.has_body) text += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
    problem_ = http::parse_request_head(arena_.copy(text + "\r\n"), http::H1Limits{}, arena_, head_);
    scheme_ = request.tls ? http::Scheme::https : http::Scheme::http;
  }
  const http::Problem* problem() const { return problem_; }
  policy::SignedMessage message() const { return {head_, scheme_}; }

 private:
  BlockPool pool_;
  Arena arena_;
  http::Head head_;
  http::Scheme scheme_ = http::Scheme::http;
  const http::Problem* problem_ = nullptr;
};

Why refusal(const http::Problem& problem) {
  return "the gateway would refuse this request: " + std::string(problem.code);
}

/// A private key, or a secret.
struct Means {
  SigningAlgorithm algorithm = SigningAlgorithm::hmac_sha256;
  std::optional<crypto::PrivateKey> key;

  std::string sign(std::string_view text, const crypto::Secret& secret) const {
    if (!key) return crypto::HmacKey(crypto::Hash::sha256, secret.bytes()).code(text);
    return key->sign(text, policy::crypto_algorithm(algorithm));
  }
};

std::optional<SigningAlgorithm> usual_algorithm(crypto::KeyType type) {
  switch (type) {
    case crypto::KeyType::rsa: return SigningAlgorithm::rsa_pss_sha512;
    case crypto::KeyType::p256: return SigningAlgorithm::ecdsa_p256_sha256;
    case crypto::KeyType::p384: return SigningAlgorithm::ecdsa_p384_sha384;
    case crypto::KeyType::ed25519: return SigningAlgorithm::ed25519;
    case crypto::KeyType::p521: case crypto::KeyType::ed448: break;
  }
  return std::nullopt;
}

Result<Means, Why> means_of(const crypto::Secret& key, const std::string& wanted) {
  Means means;
  std::optional<SigningAlgorithm> named;
  if (!wanted.empty()) {
    named = policy::signing_algorithm_from(wanted);
    if (!named) return wanted + " is no algorithm of RFC 9421";
  }
  if (key.bytes().find("PRIVATE KEY-----") == key.bytes().npos) {
    if (named.value_or(means.algorithm) != means.algorithm) return wanted + " needs a private key in PEM";
    return means;
  }
  auto read = crypto::PrivateKey::from_pem(key.bytes());
  if (!read) return Why(read.error().what);
  if (!named) named = usual_algorithm(read->type());
  if (!named || !policy::goes_with(read->type(), *named)) return Why("an algorithm that does not go with its key");
  means.algorithm = *named;
  means.key = *std::move(read);
  return means;
}

std::string quoted_text(std::string_view text) {
  policy::BareItem item{policy::BareItem::Kind::string, 0, text};
  std::string out;
  policy::append_bare_item(item, out);
  return out;
}

/// The value of Signature-Input for one label.
std::string signature_input(const UnsignedRequest& request, const SignOptions& options, WallTime now) {
  std::vector<std::string> components = options.components;
  if (components.empty()) components = {"@method", "@authority", "@path", "@query"};
  if (request.has_body) components.emplace_back("content-digest");
  std::string out = "(";
  for (const std::string& component : components) {
    if (out.size() > 1) out += ' ';
    out += component.starts_with('"') ? component : quoted_text(component);
  }
  auto created = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  out += ");created=" + std::to_string(created);
  if (options.expires_seconds > 0) out += ";expires=" + std::to_string(created + options.expires_seconds);
  out += ";keyid=" + quoted_text(options.key_id);
  if (!options.no_nonce) out += ";nonce=\"" + nonce() + '"';
  if (!options.tag.empty()) out += ";tag=" + quoted_text(options.tag);
  return out;
}

Result<SignedFields, Why> sign_message(const UnsignedRequest& request, const crypto::Secret& key,
                                       const SignOptions& options, WallTime now) {
  auto means = means_of(key, options.algorithm);
  if (!means) return means.error();
  SignedFields out;
  if (request.has_body) out.added.emplace_back("Content-Digest", "sha-256=:" + base64(sha256(request.body)) + ":");
  out.added.emplace_back("Signature-Input", "sig=" + signature_input(request, options, now));
  Fields with_any = out.added;
  with_any.emplace_back("Signature", "sig=:AA==:");
  ReadRequest read(request, with_any);
  if (read.problem() != nullptr) return refusal(*read.problem());
  std::span<const policy::OfferedSignature> offered;
  const http::Problem* problem = policy::read_signatures(read.message().head, offered);
  if (problem == nullptr && offered.size() == 1) problem = offered.front().fault;
  if (problem != nullptr || offered.size() != 1) return Why("one of the components is none, or there twice");
  if (!policy::append_signature_base(offered.front(), read.message(), out.text))
    return Why("one of the components is not in the request");
  out.added.emplace_back("Signature", "sig=:" + base64(means->sign(out.text, key)) + ":");
  return out;
}

std::string aws_time(WallTime now) {
  auto seconds = std::chrono::floor<std::chrono::seconds>(now);
  auto day = std::chrono::floor<std::chrono::days>(seconds);
  std::chrono::year_month_day date(std::chrono::sys_days(day.time_since_epoch()));
  std::chrono::hh_mm_ss time(seconds - day);
  char text[32];
  std::snprintf(text, sizeof(text), "%04d%02u%02uT%02d%02d%02dZ", int(date.year()), unsigned(date.month()),
                unsigned(date.day()), int(time.hours().count()), int(time.minutes().count()),
                int(time.seconds().count()));
  return text;
}

Result<SignedFields, Why> sign_for_aws(const UnsignedRequest& request, const crypto::Secret& key,
                                       const SignOptions& options, WallTime now) {
  policy::AwsSignature signature;
  signature.access_key = options.key_id;
  signature.time = aws_time(now);
  signature.date = signature.time.substr(0, 8);
  signature.region = options.region;
  signature.service = options.service;
  signature.scope = signature.date + '/' + signature.region + '/' + signature.service + "/aws4_request";
  signature.payload_hash = hex(sha256(request.body));
  signature.signed_fields = "host;x-amz-content-sha256;x-amz-date";
  SignedFields out;
  out.added.emplace_back("X-Amz-Content-Sha256", signature.payload_hash);
  out.added.emplace_back("X-Amz-Date", signature.time);
  ReadRequest read(request, out.added);
  if (read.problem() != nullptr) return refusal(*read.problem());
  std::string canonical;
  if (!policy::append_aws_canonical_request(signature, read.message(), canonical))
    return Why("every X-Amz- field must be signed: give none");
  out.text = canonical;
  policy::AwsDerivedKeys keys;
  policy::AwsSigner signer{options.key_id, "", crypto::Secret(std::string(key.bytes()))};
  std::string code = keys.of(signer, signature).code("AWS4-HMAC-SHA256\n" + signature.time + '\n' + signature.scope +
                                                     '\n' + hex(sha256(canonical)));
  out.added.emplace_back("Authorization", "AWS4-HMAC-SHA256 Credential=" + options.key_id + '/' + signature.scope +
                                              ", SignedHeaders=" + signature.signed_fields +
                                              ", Signature=" + hex(code));
  return out;
}

}  // namespace

Result<SignedFields, Why> sign_request(const UnsignedRequest& request, const crypto::Secret& key,
                                       const SignOptions& options, WallTime now) {
  if (options.scheme == "sigv4") return sign_for_aws(request, key, options, now);
  return sign_message(request, key, options, now);
}

}  // namespace sluice::cli

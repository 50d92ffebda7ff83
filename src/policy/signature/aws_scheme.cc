#include "policy/signature/aws_scheme.h"

#include "base/text.h"
#include "policy/auth/problems.h"
#include "policy/query.h"
#include "policy/signature/signature_problems.h"

namespace sluice::policy {

using Outcome = Authenticator::Outcome;

namespace {

constexpr std::string_view kQueryNames[] = {"X-Amz-Algorithm",     "X-Amz-Credential",
                                            "X-Amz-Date",          "X-Amz-Expires",
                                            "X-Amz-SignedHeaders", "X-Amz-Signature",
                                            "X-Amz-Security-Token"};

AwsRules rules_of(const SignatureConfig& config) {
  AwsRules rules;
  rules.region = config.region;
  rules.service = config.service;
  rules.max_skew = std::chrono::duration_cast<std::chrono::seconds>(config.max_skew);
  if (config.unsigned_payload) rules.payload = AwsRules::Unsigned::allowed;
  return rules;
}

std::string about(const SignatureConfig& config) {
  std::string out = "signature by AWS SigV4";
  if (!config.region.empty()) out += ", region " + config.region;
  if (!config.service.empty()) out += ", service " + config.service;
  return out + (config.presigned ? ", presigned URLs too" : "");
}

/// A body that is signed by its hash. gives: a copy in the arena
std::optional<ExpectedDigest> digest_of(const VerifiedAwsSignature& good, Arena& arena) {
  if (good.payload_digest.empty()) return std::nullopt;
  return ExpectedDigest{crypto::Hash::sha256, arena.copy(good.payload_digest)};
}

KeyTable::Found holder_of(const AwsSigner& signer) {
  return {signer.consumer, signer.access_key, signer.grants, signer.expires};
}

}  // namespace

AwsScheme::AwsScheme(const std::string& name, const SignatureConfig& config)
    : rules_(rules_of(config)), presigned_(config.presigned), about_(about(config)),
      challenge_("AWS4-HMAC-SHA256 realm=\"" + name + "\""),
      keys_(std::make_shared<const Keys>(rules_, AwsSigners{})) {}

Outcome AwsScheme::judge(Call& call, Proof& out) const {
  const http::Head& head = call.request();
  AwsSignature signature;
  if (const http::Problem* problem = read_aws_signature(head, signature))
    return Outcome::refused(*problem);
  if (!signature.is_there || (signature.is_presigned && !presigned_)) return Outcome::absent();
  Worker& worker = workers_.of(call.worker());
  const Keys& keys = worker.keys.get(keys_);
  if (worker.derived_of != worker.keys.generation()) worker.derived.clear();
  worker.derived_of = worker.keys.generation();
  VerifiedAwsSignature good;
  SignedMessage message{head, call.client().scheme};
  if (const http::Problem* problem =
          keys.verifier.verify(signature, message, call.clock().wall(), worker.derived, good))
    return Outcome::refused(*problem);
  KeyTable::Found holder = holder_of(*good.signer);
  if (!holder.allows(call.client().ip, call.worker())) return Outcome::refused(kCredentialAddress);
  Identity* identity = make_identity(call.arena(), holder);
  identity->method = "signature";
  out.identity = identity;
  out.replay_id = good.replay_id;
  out.replayable_until = good.replayable_until;
  out.may_repeat = good.may_repeat;
  out.digest = digest_of(good, call.arena());
  return Outcome::accepted();
}

void AwsScheme::remove_signature(http::Head& request, Arena& arena) const {
  request.fields.remove_if([](const http::Field& field) {
    return (field.id == http::FieldId::authorization &&
            trim_ows(field.value()).starts_with("AWS4-HMAC-SHA256")) ||
           equals_ignore_case(field.name(), "x-amz-security-token");
  });
  if (!request.has_query) return;
  for (std::string_view name : kQueryNames)
    request.query = without_query_parameter(request.query, name, arena);
  request.has_query = !request.query.empty();
}

size_t AwsScheme::replace(SigningKeys keys) {
  size_t count = keys.aws.size();
  keys_.replace(std::make_shared<const Keys>(rules_, std::move(keys.aws)));
  return count;
}

}  // namespace sluice::policy

#include "policy/signature/message_scheme.h"

#include "policy/auth/problems.h"
#include "policy/headers.h"
#include "policy/signature/signature_problems.h"

namespace sluice::policy {

using Outcome = Authenticator::Outcome;

namespace {

SignatureRules rules_of(const SignatureConfig& config) {
  SignatureRules rules;
  for (const auto& component : config.components)
    rules.components.push_back(*RequiredComponent::parse(component.value));
  rules.max_skew = std::chrono::duration_cast<std::chrono::seconds>(config.max_skew);
  rules.nonce_required = config.nonce_required;
  rules.digest_required = config.digest_required;
  rules.tag = config.tag;
  return rules;
}

std::string texts(const SignatureConfig& config) {
  std::string out;
  for (const auto& component : config.components)
    out += (out.empty() ? "" : " ") + component.value;
  return out;
}

/// As a quoted-string (RFC 9110 section 5.6.4).
std::string quoted_string(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

KeyTable::Found holder_of(const RequestSigner& signer) {
  return {signer.consumer, signer.key_id, signer.grants, signer.expires};
}

}  // namespace

MessageScheme::MessageScheme(const std::string& name, const SignatureConfig& config)
    : rules_(rules_of(config)),
      about_("signature by RFC 9421 over " + texts(config) +
             (config.digest_required ? ", bodies with their content-digest" : "")),
      challenge_("Signature realm=" + quoted_string(name) +
                 ", components=" + quoted_string(texts(config))),
      keys_(std::make_shared<const Keys>(rules_, RequestSigners{})) {}

Outcome MessageScheme::judge(Call& call, Proof& out) const {
  const http::Head& head = call.request();
  std::span<const OfferedSignature> offered;
  if (const http::Problem* problem = read_signatures(head, offered))
    return Outcome::refused(*problem);
  if (offered.empty()) return Outcome::absent();
  const Keys& keys = workers_.of(call.worker()).keys.get(keys_);
  VerifiedSignature good;
  SignedMessage message{head, call.client().scheme};
  if (const http::Problem* problem =
          keys.verifier.verify(offered, message, call.clock().wall(), good))
    return Outcome::refused(*problem);
  KeyTable::Found holder = holder_of(*good.signer);
  if (!holder.allows(call.client().ip, call.worker())) return Outcome::refused(kCredentialAddress);
  if (good.covers_digest) {
    if (const http::Problem* problem = read_content_digest(head, out.digest))
      return Outcome::refused(*problem);
  }
  Identity* identity = make_identity(call.arena(), holder);
  identity->method = "signature";
  out.identity = identity;
  out.replay_id = good.replay_id;
  out.replayable_until = good.replayable_until;
  return Outcome::accepted();
}

void MessageScheme::remove_signature(http::Head& request, Arena&) const {
  // In any spelling: a lax upstream would read Signature_Input too.
  request.fields.remove_if([](const http::Field& field) {
    return same_header_name(field.name(), "signature") ||
           same_header_name(field.name(), "signature-input");
  });
}

size_t MessageScheme::replace(SigningKeys keys) {
  size_t count = keys.requests.size();
  keys_.replace(std::make_shared<const Keys>(rules_, std::move(keys.requests)));
  return count;
}

}  // namespace sluice::policy

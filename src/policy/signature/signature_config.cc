#include "policy/signature/signature_config.h"

#include "policy/signature/message_verifier.h"

namespace sluice::policy {

using config::IssueKind;
using config::quoted;

namespace {

constexpr IssueKind kOtherScheme{"signature_key_of_other_scheme"};
constexpr IssueKind kBadComponent{"signature_component"};
constexpr IssueKind kComponentIsField{"signature_component_is_field", config::Severity::warning};

struct OwnKey {
  std::string_view name;
  SignatureKind scheme;
};
constexpr OwnKey kOwnKeys[] = {
    {"components", SignatureKind::rfc9421},     {"digest_required", SignatureKind::rfc9421},
    {"nonce_required", SignatureKind::rfc9421}, {"tag", SignatureKind::rfc9421},
    {"region", SignatureKind::sigv4},           {"service", SignatureKind::sigv4},
    {"presigned", SignatureKind::sigv4},        {"unsigned_payload", SignatureKind::sigv4},
};

}  // namespace

void check_signature(const SignatureConfig& signature, const config::Value& table,
                     config::Reader& reader) {
  std::string_view scheme =
      config::Choices<SignatureKind>::names[static_cast<size_t>(signature.scheme)];
  for (const OwnKey& key : kOwnKeys) {
    const config::Entry* entry = table.find(key.name);
    if (entry == nullptr || key.scheme == signature.scheme) continue;
    reader.issues().add(kOtherScheme, entry->at,
                        quoted(key.name) + " is no key of scheme = " + quoted(scheme));
  }
  for (const auto& component : signature.components) {
    std::string derived = "@" + component.value;
    if (RequiredComponent::parse(component.value)) {
      if (!RequiredComponent::parse(derived)) continue;   // no field is called as a part of the request line
      reader.issues().add(kComponentIsField, component.at, quoted(component.value) + " is taken as the name of a header field").hint =
          "did you mean " + quoted(derived) + "?";
      continue;
    }
    reader.issues()
        .add(kBadComponent, component.at,
             quoted(component.value) + " is no component of a request that can be signed")
        .note = "a field in lower case, @method, @target-uri, @authority, @scheme, @request-target, "
                "@path, @query, or \"@query-param\";name=\"id\"";
  }
}

}  // namespace sluice::policy

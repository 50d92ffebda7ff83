#include "policy/signature/offered_signature.h"

#include <algorithm>

#include "policy/signature/signature_problems.h"

namespace sluice::policy {
namespace {

bool take_seconds(const BareItem& value, std::optional<int64_t>& out) {
  if (value.kind != BareItem::Kind::integer) return false;
  out = value.number;
  return true;
}
bool take_text(const BareItem& value, std::optional<std::string_view>& out) {
  if (!value.is_string()) return false;
  out = value.text;
  return true;
}

/// Parameters that are not known are covered like the others and change nothing.
bool take_parameter(const Parameter& parameter, OfferedSignature& out) {
  std::string_view name = parameter.name;
  const BareItem& value = parameter.value;
  if (name == "created") return take_seconds(value, out.created);
  if (name == "expires") return take_seconds(value, out.expires);
  if (name == "alg") return take_text(value, out.algorithm);
  if (name == "keyid") return take_text(value, out.key_id);
  if (name == "tag") return take_text(value, out.tag);
  if (name == "nonce") return take_text(value, out.nonce) && out.nonce->size() <= kNonceBytesMax;
  return true;
}

/// gives: false for a component that no request has, or that is there twice
bool take_components(const Member& input, Arena& arena, OfferedSignature& out) {
  auto* all = static_cast<Component*>(
      arena.allocate(sizeof(Component) * (input.items.size() + 1), alignof(Component)));
  size_t count = 0;
  for (const StructuredItem& item : input.items) {
    std::optional<Component> component = component_from(item);
    if (!component || std::find(all, all + count, *component) != all + count) return false;
    new (all + count++) Component(*component);
  }
  out.components = {all, count};
  return true;
}

const http::Problem* read_one(const Member& input, Members signatures, Arena& arena,
                              OfferedSignature& out) {
  out.label = input.key;
  out.input = &input;
  for (const Parameter& parameter : input.parameters) {
    if (!take_parameter(parameter, out)) return &kSignatureMalformed;
  }
  const Member* signature = find_member(signatures, input.key);
  if (!input.is_list || signature == nullptr || signature->is_list ||
      signature->value.kind != BareItem::Kind::bytes ||
      signature->value.text.size() > kSignatureBytesMax)
    return &kSignatureMalformed;
  out.signature = signature->value.text;
  return take_components(input, arena, out) ? nullptr : &kSignatureComponents;
}

}  // namespace

const http::Problem* read_signatures(const http::Head& head,
                                     std::span<const OfferedSignature>& out) {
  out = {};
  Arena& arena = head.fields.arena();
  if (!head.fields.find("signature-input") && !head.fields.find("signature")) return nullptr;
  auto inputs_text = whole_field(head, "signature-input", kStructuredBytesMax);
  auto signatures_text = whole_field(head, "signature", kStructuredBytesMax);
  if (!inputs_text || !signatures_text) return &kSignatureMalformed;
  Result<Members> inputs = parse_dictionary(*inputs_text, arena);
  Result<Members> signatures = parse_dictionary(*signatures_text, arena);
  if (!inputs || !signatures || inputs->empty() || inputs->size() > kSignaturesMax ||
      signatures->size() > kSignaturesMax)
    return &kSignatureMalformed;
  auto* all = static_cast<OfferedSignature*>(
      arena.allocate(sizeof(OfferedSignature) * inputs->size(), alignof(OfferedSignature)));
  size_t count = 0;
  for (const Member& input : *inputs) {
    auto* offered = new (all + count++) OfferedSignature();
    offered->fault = read_one(input, *signatures, arena, *offered);
  }
  out = {all, count};
  return nullptr;
}

bool append_signature_base(const OfferedSignature& offered, const SignedMessage& message,
                           std::string& out) {
  for (size_t i = 0; i < offered.components.size(); ++i) {
    append_item(offered.input->items[i], out);
    out += ": ";
    if (!append_component_value(offered.components[i], message, out)) return false;
    out += '\n';
  }
  out += "\"@signature-params\": ";
  append_member_value(*offered.input, out);
  return true;
}

}  // namespace sluice::policy

#include "policy/signature/content_digest.h"

#include "policy/signature/signature_problems.h"
#include "policy/signature/signed_message.h"
#include "policy/signature/structured_field.h"

namespace sluice::policy {
namespace {

/// gives: false when the digest is there and is none
bool take(Members members, std::string_view name, crypto::Hash hash,
          std::optional<ExpectedDigest>& out) {
  const Member* member = find_member(members, name);
  if (member == nullptr) return true;
  if (member->is_list || member->value.kind != BareItem::Kind::bytes ||
      member->value.text.size() != crypto::digest_bytes(hash))
    return false;
  out = {hash, member->value.text};
  return true;
}

}  // namespace

const http::Problem* read_content_digest(const http::Head& head,
                                         std::optional<ExpectedDigest>& out) {
  out.reset();
  if (!head.fields.find("content-digest")) return nullptr;
  auto text = whole_field(head, "content-digest", kDigestFieldBytesMax);
  if (!text) return &kDigestMalformed;
  Result<Members> members = parse_dictionary(*text, head.fields.arena());
  if (!members || !take(*members, "sha-256", crypto::Hash::sha256, out) ||
      !take(*members, "sha-512", crypto::Hash::sha512, out))
    return &kDigestMalformed;
  return out ? nullptr : &kDigestMalformed;
}

}  // namespace sluice::policy

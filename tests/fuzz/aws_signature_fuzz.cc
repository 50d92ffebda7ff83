// AWS signatures from strangers, in the Authorization field and in the query: first a request's target,
// then its fields. Nothing is believed that was not signed; what is signed has its own lines.
#include <algorithm>
#include <string>

#include "fuzz.h"
#include "http/h1_parser.h"
#include "policy/signature/aws_verifier.h"

using namespace sluice;
using namespace sluice::policy;

namespace {

AwsSigners make_signers() {
  AwsSigners signers;
  signers.add({"A", "c", crypto::Secret(std::string("a secret that no fuzzer guesses"))});
  return signers;
}

void check(const http::Head& head) {
  static const AwsSigners signers = make_signers();
  static const AwsVerifier verifier({}, signers);
  static AwsDerivedKeys keys;
  AwsSignature signature;
  if (read_aws_signature(head, signature) != nullptr || !signature.is_there) return;
  CLAIM(signature.signature.size() == 64 && signature.date.size() == 8);
  CLAIM(signature.expires.count() >= 0 && signature.expires.count() <= kAwsExpiresMax);
  SignedMessage message{head, http::Scheme::https};
  std::string text;
  if (append_aws_canonical_request(signature, message, text)) {
    auto names = std::count(signature.signed_fields.begin(), signature.signed_fields.end(), ';');
    CLAIM(std::count(text.begin(), text.end(), '\n') == names + 1 + 5);
  }
  VerifiedAwsSignature verified;
  CLAIM(verifier.verify(signature, message, signature.at, keys, verified) != nullptr);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text = text_of(data, size);
  size_t line = std::min(text.find('\n'), text.size());
  http::H1Limits limits;
  if (size > limits.header_bytes_max) return 0;
  BlockPool pool;
  Arena arena(pool);
  http::Head head(arena);
  std::string request = "PUT /" + std::string(text.substr(0, line)) + " HTTP/1.1\r\nHost: a\r\n";
  if (line < text.size()) request += text.substr(line + 1);
  if (http::parse_request_head(arena.copy(request + "\r\n\r\n"), limits, arena, head) == nullptr)
    check(head);
  return 0;
}

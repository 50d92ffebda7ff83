// Signature-Input and Signature from strangers, over a request that the fuzzer gives too. Nothing is
// believed that was not signed; what is read stays within its limits.
#include <algorithm>
#include <string>

#include "fuzz.h"
#include "http/h1_parser.h"
#include "policy/signature/message_verifier.h"

using namespace sluice;
using namespace sluice::policy;

namespace {

RequestSigners make_signers() {
  RequestSigners signers;
  signers.add({"k", "c", *SigningKey::from_secret("a secret that no fuzzer guesses, 32+")});
  return signers;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const RequestSigners signers = make_signers();
  static const MessageVerifier verifier({}, signers);
  BlockPool pool;
  Arena arena(pool);
  http::Head head(arena);
  http::H1Limits limits;
  std::string text = "GET /p?a=b HTTP/1.1\r\nHost: a\r\n" + std::string(text_of(data, size));
  if (size > limits.header_bytes_max) return 0;
  if (http::parse_request_head(arena.copy(text + "\r\n\r\n"), limits, arena, head) != nullptr)
    return 0;
  std::span<const OfferedSignature> offered;
  if (read_signatures(head, offered) != nullptr) return 0;
  CLAIM(offered.size() <= kSignaturesMax);
  SignedMessage message{head, http::Scheme::https};
  for (const OfferedSignature& one : offered) {
    std::string base;
    if (one.fault != nullptr || !append_signature_base(one, message, base)) continue;
    // One line for each component: nothing of the request makes another.
    CLAIM(std::count(base.begin(), base.end(), '\n') ==
          static_cast<std::ptrdiff_t>(one.components.size()));
    CLAIM(one.signature.size() <= kSignatureBytesMax);
  }
  VerifiedSignature verified;
  if (!offered.empty())
    CLAIM(verifier.verify(offered, message, WallTime(std::chrono::seconds(1'618'884'480)),
                          verified) != nullptr);
  return 0;
}

// Key sets from the network and revocation lists: bounded, and never a secret that was published.
#include "base/base64url.h"
#include "fuzz.h"
#include "policy/auth/jwt_keys.h"
#include "policy/auth/revocations.h"

using namespace sluice;
using namespace sluice::policy;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text = text_of(data, size);
  JwtAlgorithmSet algorithms;
  for (size_t i = 0; i < kJwtAlgorithms; ++i) algorithms.add(static_cast<JwtAlgorithm>(i));
  for (KeySetSource source : {KeySetSource::network, KeySetSource::file}) {
    auto read = read_jwk_set(text, algorithms, source);
    if (!read) {
      CLAIM(!read.error().empty());
      continue;
    }
    CLAIM(read->keys.size() > 0 && read->keys.size() <= kKeysMax);
    CLAIM(read->left_out.size() <= 20);
    for (std::string_view id : {"", "a", "k"}) {
      KeyMatch match = read->keys.verify(JwtAlgorithm::hs256, id, "message", "signature");
      CLAIM(match != KeyMatch::good);
      CLAIM(source == KeySetSource::file || match != KeyMatch::bad_signature);
    }
  }
  if (auto list = Revocations::read(text)) list->revoked({"a", "b", {}});
  return 0;
}

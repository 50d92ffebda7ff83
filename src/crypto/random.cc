#include "crypto/random.h"

#include <openssl/rand.h>

#include "base/check.h"

namespace sluice::crypto {

void fill_random(std::span<unsigned char> out) { CHECK(RAND_bytes(out.data(), static_cast<int>(out.size())) == 1); }

}  // namespace sluice::crypto

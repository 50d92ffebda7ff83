// Random bytes for secrets.
#pragma once

#include <cstddef>
#include <span>

namespace sluice::crypto {

/// Fills `out` from OpenSSL's generator, seeded by the kernel. Does not return when it cannot.
void fill_random(std::span<unsigned char> out);

}  // namespace sluice::crypto

// Secrets, read from where the configuration says that they are.
#pragma once

#include <string>

#include "base/result.h"
#include "config/load.h"
#include "config/secret_source.h"
#include "crypto/secret.h"

namespace sluice::snapshot {

inline constexpr size_t kSecretBytesMax = 64 * 1024;   // a private key is a few KiB

/// Without the line's end that editors and `echo` leave behind.
/// errors: why there is none, in words that hold nothing of it
Result<crypto::Secret, std::string> read_secret(const config::SecretSource& source,
                                                config::Environment environment);

}  // namespace sluice::snapshot

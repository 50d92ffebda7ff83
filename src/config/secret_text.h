// Texts that look like a credential: what people write into a wrong place of a file, and nobody should find in a log.
// A guess, for messages alone; where a secret is expected its type conceals it (secret_source.h).
#pragma once

#include <string_view>

namespace sluice::config {

/// Whether a value, or a line of a file, has an API key of ours, a login in a URL, a private key, the credentials of an
/// Authorization field, or something called a password, secret, token or API key written out beside its name.
bool holds_secret(std::string_view text);

}  // namespace sluice::config

// The part of one [auth.NAME]: its authenticator, with the files that it reads.
#pragma once

#include <memory>

#include "snapshot/build.h"

namespace sluice::snapshot {

/// gives: the part; with a line in `faults`, and no use of it, when its files are not good
/// needs: `snapshot` with its configuration, address lists, nonces, revoked certificates and Redis.
/// `workers`: what memory is shared out among
std::shared_ptr<const AuthPart> make_auth(const config::Section<policy::AuthConfig>& section,
                                          const Snapshot& snapshot, unsigned workers,
                                          BuildFaults& faults);

/// Takes over when keys were last used, from what has the name of `part` in the snapshot before.
void inherit_key_uses(const Snapshot& previous, const AuthPart& part);

/// As make_auth, of one [authorizer.NAME].
std::shared_ptr<const AuthorizerPart> make_authorizer(const config::Section<policy::AuthorizerConfig>& section,
                                                      const Snapshot& snapshot, unsigned workers, BuildFaults& faults);

/// Reads the secrets of a snapshot that stays in force once more: they may have been replaced.
/// gives: whether one was
bool renew_auth_logins(const Snapshot& snapshot);

}  // namespace sluice::snapshot

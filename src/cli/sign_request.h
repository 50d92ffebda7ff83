// Signs a request as a client would: by the very code that reads signatures, so that what is signed here
// is what is verified there.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "cli/commands.h"
#include "crypto/secret.h"

namespace sluice::cli {

/// A request before it is sent.
struct UnsignedRequest {
  std::string method;
  bool tls = false;
  std::string authority;
  std::string target;
  std::vector<std::pair<std::string, std::string>> fields;
  bool has_body = false;
  std::string body;
};

struct SignedFields {
  std::vector<std::pair<std::string, std::string>> added;   // to the request, with its signature
  std::string text;                                         // what was signed
};

/// `key`: a secret, or a private key in PEM.
/// errors: what is wrong with key or request
Result<SignedFields, std::string> sign_request(const UnsignedRequest& request, const crypto::Secret& key,
                                               const SignOptions& options, WallTime now);

}  // namespace sluice::cli

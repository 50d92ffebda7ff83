// What an [auth.NAME] with type = "signature" says beside its type. Its fields: signature_fields.h.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/types.h"

namespace sluice::policy {

enum class SignatureKind : uint8_t { rfc9421, sigv4 };

/// Which signed requests pass only once.
enum class PassesOnce : uint8_t {
  all,
  unsafe,   // those whose methods change something (RFC 9110 section 9.2.1)
};

/// What holds while the [redis.NAME] of `replay` does not answer.
enum class ReplayStoreDown : uint8_t {
  closed,   // nobody can say whether a request came before: refused
  local,    // this gateway's own memory decides
};

struct SignatureConfig {
  SignatureKind scheme = SignatureKind::rfc9421;
  Duration max_skew = std::chrono::minutes(5);
  std::optional<PassesOnce> once;   // see passes_once()
  config::Reference<"redis"> replay{"memory", {}};
  ReplayStoreDown on_store_down = ReplayStoreDown::closed;
  // rfc9421
  std::vector<config::Placed<std::string>> components{
      {"@method", {}}, {"@authority", {}}, {"@path", {}}, {"@query", {}}};
  bool digest_required = true;
  bool nonce_required = false;
  std::string tag;
  // sigv4
  std::string region;
  std::string service;
  bool presigned = false;
  bool unsigned_payload = false;

  bool in_redis() const { return replay.name != "memory"; }
  /// SigV4 counts in seconds and has no nonce: two equal requests of one second have one signature.
  PassesOnce passes_once() const {
    return once.value_or(scheme == SignatureKind::sigv4 ? PassesOnce::unsafe : PassesOnce::all);
  }
};

/// What no single key can show: keys of the other scheme, components that no request has.
void check_signature(const SignatureConfig& signature, const config::Value& table,
                     config::Reader& reader);

}  // namespace sluice::policy

namespace sluice::config {

template <>
struct Choices<policy::SignatureKind> {
  static constexpr std::string_view names[] = {"rfc9421", "sigv4"};
};
template <>
struct Choices<policy::ReplayStoreDown> {
  static constexpr std::string_view names[] = {"closed", "local"};
};
template <>
struct Choices<policy::PassesOnce> {
  static constexpr std::string_view names[] = {"all", "unsafe"};
};

}  // namespace sluice::config

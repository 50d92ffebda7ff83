// The keys of [auth.NAME] that belong to type = "signature".
#pragma once

#include "policy/signature/signature_config.h"

namespace sluice::policy {

inline constexpr config::Field kSignatureFields[] = {
    config::field<&SignatureConfig::scheme>(
        {.name = "scheme",
         .about = "signature: how requests are signed: \"rfc9421\" (HTTP Message Signatures), or "
                  "\"sigv4\" (AWS Signature Version 4, with secrets of your own consumers).",
         .reason = "the standard; it has nonces, and covers what you choose"}),
    config::field<&SignatureConfig::max_skew>(
        {.name = "max_skew",
         .about = "signature: how old a signature may be, and how far in the future the clock of "
                  "its maker may be.",
         .reason = "as AWS and most others have it; so long each signature is remembered",
         .range = {1'000'000'000, 3'600'000'000'000}}),
    config::field<&SignatureConfig::once>(
        {.name = "once",
         .about = "signature: which signed requests pass only once: \"all\", or \"unsafe\": all "
                  "but GET, HEAD and OPTIONS.",
         .reason = "\"all\"; with sigv4 \"unsafe\", because its signatures count in whole seconds: "
                   "two equal requests of one second cannot be told apart",
         .example = "\"all\""}),
    config::field<&SignatureConfig::replay>(
        {.name = "replay",
         .about = "signature: where it is remembered which requests passed: \"memory\", one table for the whole process; "
                  "or a [redis.NAME], for all gateways that share it.",
         .reason = "needs nothing else"}),
    config::field<&SignatureConfig::on_store_down>(
        {.name = "on_store_down",
         .about = "signature: while the [redis.NAME] of `replay` does not answer: \"closed\" refuses with 503, with \"local\" "
                  "each gateway lets a request pass once.",
         .reason = "nobody passes twice because Redis is away"}),
    config::field<&SignatureConfig::components>(
        {.name = "components",
         .about = "signature, rfc9421: what a signature must cover. One over a whole (@target-uri) "
                  "covers its parts.",
         .reason = "who may do what depends on these",
         .example = "[\"@method\", \"@target-uri\", \"content-digest\"]"}),
    config::field<&SignatureConfig::digest_required>(
        {.name = "digest_required",
         .about = "signature, rfc9421: a request with a body must have a Content-Digest that its "
                  "signature covers.",
         .reason = "nobody on the way can put in another body"}),
    config::field<&SignatureConfig::nonce_required>(
        {.name = "nonce_required",
         .about = "signature, rfc9421: a signature must have a nonce. Without one two equal "
                  "requests of one second are taken for one.",
         .reason = "not every signer makes one, and no request passes twice in any case"}),
    config::field<&SignatureConfig::tag>(
        {.name = "tag",
         .about = "signature, rfc9421: only signatures with this tag count.",
         .reason = "any signature by a known key counts",
         .example = "\"orders\""}),
    config::field<&SignatureConfig::region>({.name = "region",
                                             .about = "signature, sigv4: the only region that counts.",
                                             .reason = "any",
                                             .example = "\"eu-central-1\""}),
    config::field<&SignatureConfig::service>({.name = "service",
                                              .about = "signature, sigv4: the only service that counts.",
                                              .reason = "any",
                                              .example = "\"execute-api\""}),
    config::field<&SignatureConfig::presigned>(
        {.name = "presigned",
         .about = "signature, sigv4: signatures in the query count too (presigned URLs). Such a URL may be "
                  "used again until it expires, which its maker chooses: up to 7 days.",
         .reason = "URLs end up in logs, histories and Referer fields"}),
    config::field<&SignatureConfig::unsigned_payload>(
        {.name = "unsigned_payload",
         .about = "signature, sigv4: the body need not be signed (UNSIGNED-PAYLOAD); with presigned URLs "
                  "it never is.",
         .reason = "nobody on the way can put in another body"}),
};

}  // namespace sluice::policy

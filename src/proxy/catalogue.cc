#include "proxy/catalogue.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "http/h1_codec.h"
#include "http/h1_problems.h"
#include "http/h2_problems.h"
#include "plugin/problems.h"
#include "policy/allow/problems.h"
#include "policy/auth/jwt_problems.h"
#include "policy/auth/problems.h"
#include "policy/authorizer/authorizer.h"
#include "policy/cors/cors.h"
#include "policy/ip_filter/ip_policy.h"
#include "policy/limit/limits.h"
#include "policy/signature/signature_problems.h"
#include "policy/ticket/ticket_problems.h"
#include "proxy/problems.h"

namespace sluice::proxy {
namespace {

// For operators: when it happens, and what to do. What the client is told is the Problem's detail.
struct Advice {
  std::string_view code;
  std::string_view text;
};

constexpr Advice kAdvice[] = {
    {"request_line_too_long",
     "Beyond the listener's `limits.line`. Raise it if the URLs are legitimate."},
    {"bad_request_line",
     "No HTTP request came: a broken client, another protocol on this port, or a scan. A load "
     "balancer that sends a PROXY header to a listener without `proxy_protocol = true`, or from "
     "an address that is not in `trusted_proxies`, looks like this too."},
    {"unsupported_version",
     "HTTP/0.9, or HTTP/2 on a plain listener that has no \"h2c\" among its `protocols`."},
    {"bad_pseudo_field", "A broken HTTP/2 client, or a scan: no library sends this."},
    {"upper_case_name", "A hand-made HTTP/2 client. Nothing was forwarded."},
    {"protocol_unknown",
     "An extended CONNECT of HTTP/2 for another protocol than `websocket`, or to a route without `match.upgrade`."},
    {"connection_field",
     "An HTTP/2 client, or a proxy before it, passes on fields that belong to HTTP/1. Nothing was forwarded."},
    {"unknown_method",
     "A method that Sluice does not know, or one in lower case. Nothing was forwarded."},
    {"connect_refused", "Somebody takes the gateway for a forward proxy, or scans for one."},
    {"trace_refused", "Usually a scan."},
    {"bad_target",
     "A target with spaces, a fragment, an unknown scheme or user information; or a query with "
     "control bytes or raw bytes above 0x7E."},
    {"bad_path",
     "The path has no normal form that every server would read alike. If a client needs it, have "
     "it "
     "percent-encode what is not a path character."},
    {"encoded_slash",
     "`%2F` or `%5C` in a path. If an upstream needs `%2F` within a segment, set `path_profile = "
     "\"encoded_slashes\"` on the listener; `%5C` is refused by every profile, and `.` or `..` beside a `%2F` "
     "is `bad_path`."},
    {"empty_segment",
     "`//` in a path. `path_profile = \"merge_slashes\"` on the listener reads it as `/`."},
    {"missing_host",
     "An HTTP/1.1 request without Host: a hand-made client, or a health check that should send "
     "one."},
    {"bad_host", "Several Host fields, or one that is no host and port."},
    {"host_mismatch",
     "An absolute URL as the target with another host in Host. Two servers could route it apart."},
    {"headers_too_large",
     "Beyond the listener's `limits.header`: mostly cookies. Raise it, or clear the cookies."},
    {"too_many_headers", "Beyond the listener's `limits.headers`."},
    {"bare_lf",
     "A line that ends with LF alone. Parsers disagree about it, which is how requests are "
     "smuggled."},
    {"bare_cr", "A CR that no LF follows."},
    {"control_byte",
     "Often a client that speaks TLS to a plain port: compare the port with the listener's `tls`."},
    {"folded_line",
     "A header continued on the next line, obsolete since RFC 7230. Have the client send one "
     "line."},
    {"bad_field_name",
     "A space before the colon, an empty name, or a character that no name may have."},
    {"bad_field", "A line without a colon, or a value with control bytes."},
    {"ambiguous_field_name",
     "`Content_Length` or `Transfer_Encoding`: CGI-like servers read it as the real one."},
    {"bad_trailer", "A field behind a chunked body that must be known before it."},
    {"bad_content_length",
     "Several, signed, with leading zeros, over 19 digits, or beside Transfer-Encoding."},
    {"bad_transfer_encoding", "Anything but one `chunked`, in HTTP/1.0, or beside Content-Length."},
    {"unknown_transfer_coding", "`gzip, chunked` and the like."},
    {"bad_connection",
     "Connection names a field that must not be removed (Host, Authorization, Cookie, ...), more "
     "than 8 others, or something that is no field name."},
    {"bad_expect", "Only `100-continue` is known."},
    {"body_too_large",
     "Beyond the route's `limits.body`, or the listener's where the route has none. The answer "
     "comes "
     "as soon as Content-Length says so, otherwise when the limit is passed."},
    {"chunk_invalid",
     "A chunk size that is not plain hexadecimal, or data that does not end where it should."},
    {"chunk_overhead",
     "Over 16 KiB of chunk extensions or leading zeros beyond one byte for each byte of body."},
    {"request_timeout",
     "The head took longer than the listener's `timeout.header`, or the body paused for longer "
     "than "
     "`timeout.body`. Slow clients and slow attacks look alike; raise it where clients are slow."},
    {"incomplete_body",
     "The client ended the connection in mid-body: it gave up, or its Content-Length is wrong."},
    {"no_route",
     "`match.host`, `match.path` and the conditions of every route were compared; none fits. Mind "
     "a "
     "trailing slash: `/a` and `/a/` are two paths, `/a/**` takes both."},
    {"method_not_allowed",
     "The most specific path decides first, then the method. Add it to `match.methods`."},
    {"misdirected",
     "The listener asks clients for certificates, and the request's host is not the name of the TLS handshake (SNI). "
     "A client certificate proves something to that name only: nobody shall pick a lenient name for the handshake "
     "and ask for another's resources."},
    {"overloaded",
     "`server.connections_max` is reached. See `sluice_connections`. Raise it if there is memory, "
     "lower `timeout.idle`, or add gateways. Another 1,000 connections get this answer; beyond "
     "them new ones "
     "are closed at once. Or file descriptors run out, for the client's connection or for one to "
     "an upstream: raise the service's limit on open files (`LimitNOFILE`). "
     "`sluice_connections_refused_total` has the reason."},
    {"too_many_connections",
     "The listener's `limits.per_ip` is reached by one client address (IPv6: one /64). Many users "
     "behind one NAT look like this: raise it. A load balancer does too: name it in "
     "`trusted_proxies`, whose "
     "addresses are not limited. Ten more connections get this answer; beyond them new ones are "
     "closed at once."},
    {"memory_full",
     "`server.memory_max` is reached: `sluice_traffic_memory_bytes` against "
     "`sluice_traffic_memory_limit_bytes`. Usually many slow readers or slow uploads at a time; "
     "after 5 s the "
     "slowest are reset (`sluice_connections_shed_total`). Raise it if there is memory, lower "
     "`timeout.write`, or add gateways."},
    {"upstream_busy",
     "The upstream's `max_in_flight` is reached: it is slow, or the limit is low. Compare "
     "`sluice_upstream_response_seconds`."},
    {"no_endpoint", "The upstream has no server left that this request has not tried."},
    {"upstream_unhealthy",
     "Every server fails its checks (`health` of the upstream): `sluice_upstream_endpoint_healthy` and the error log have "
     "the reasons. When the service answers but the check does not fit it, mind `health.path`, `health.host` and `health.expect`."},
    {"upstream_unresolved",
     "None of the upstream's names has an address yet. Look them up on this machine with "
     "`getent hosts NAME`. They are asked again every 5 seconds."},
    {"upstream_unreachable",
     "Connection refused, or no way to the host: is the service up, is the port right? After a "
     "failure the endpoint is set aside for 2 s and the others are tried first "
     "(`sluice_upstream_endpoint_up`, `sluice_upstream_connect_failures_total`)."},
    {"upstream_connect_timeout",
     "Nothing answered within the upstream's `timeout.connect`: host down, packets dropped by a "
     "firewall, or its accept queue is full."},
    {"upstream_tls",
     "The handshake with the upstream failed: an expired or unknown certificate, a name that is "
     "not in it, or no "
     "TLS on that port. Compare `tls.ca` and `tls.sni` with what `openssl s_client` shows."},
    {"upstream_timeout",
     "No response head within `timeout.response` (the route's, or the upstream's). Once the "
     "response "
     "has begun, a stall of `timeout.body` cannot be answered any more: the client's connection is closed "
     "before the response's end (over HTTP/2 its stream is reset) and the access log says `\"aborted\":\"upstream\"`."},
    {"upstream_closed",
     "The upstream ended the connection without an answer: it crashed, restarted, or its own limit "
     "was hit. A request that came over a kept connection is repeated once by itself if "
     "it is idempotent or not a byte of it had left."},
    {"upstream_cancelled",
     "The upstream, which speaks HTTP/2, reset the request's stream with CANCEL. Clients of gRPC get CANCELLED."},
    {"upstream_exhausted",
     "The upstream, which speaks HTTP/2, reset the request's stream with ENHANCE_YOUR_CALM: a limit of its own "
     "on how often something is done was hit. Clients of gRPC get RESOURCE_EXHAUSTED."},
    {"upstream_bad_response",
     "Malformed or contradictory headers, a head beyond 16 KiB for the first line, 128 KiB or 256 "
     "fields, over 32 interim responses, or a switch of protocols that nobody asked for. Also every answer of a server that "
     "speaks the other version: a server of gRPC needs `protocol = \"h2c\"` or `\"h2\"` in its `[upstream.NAME]`, one of HTTP/1.1 none."},
    {"deadline_exceeded",
     "A gRPC client gave the call less time than it took, connecting and asking policies included. The server's stream was reset."},
    {"bad_grpc_web_body",
     "A route with `grpc_web` got `application/grpc-web-text` that is no base64: a broken client, or something on the way that "
     "re-encodes bodies."},
    {"rewrite_failed",
     "`rewrite.path` with the parameters of this request gave no valid path, for example an empty "
     "parameter that leads to `//`; or a fact in `redirect.to` is missing from it, as `{header.X-Shop}` may be."},
    {"credentials_missing",
     "The route's `auth` asks for credentials, and the request has none of those kinds. The response's "
     "WWW-Authenticate fields name them. Browsers leave credentials out when CORS does not allow them."},
    {"credentials_ambiguous",
     "Two API keys or two tokens in one request, in the header field twice or in two places (query, cookie, "
     "subprotocol): which one counts would be a guess."},
    {"api_key_unknown",
     "No key of the `store` has this hash: mistyped, revoked, or of another environment. A key file that could "
     "not be read leaves the keys before it in force and says so in the error log."},
    {"api_key_expired", "The key's `expires` has passed. Give the consumer a second key before the first one ends."},
    {"certificate_unknown",
     "The listener accepted the certificate's chain, and no [consumer.*] has one of its names in `certificates`."},
    {"certificate_expired",
     "The certificate was good at the TLS handshake, and its notAfter has passed on the kept connection or in the "
     "session that was resumed. Connect anew with a new one."},
    {"certificate_revoked",
     "The certificate was good at the TLS handshake, and a new list in `client_cert.crl` of that [tls.NAME] has its issuer and "
     "serial number. A new connection is refused in its handshake."},
    {"credential_address", "The holder of the credential has `allow_ips`, and the client's address is not among them. Behind a "
     "load balancer, is it in `trusted_proxies`?"},
    {"authorizer_unauthorized", "The service of the route's `authorizer` answered 401. Its WWW-Authenticate fields are passed on."},
    {"authorizer_forbidden", "The service of the route's `authorizer` answered 403."},
    {"authorizer_unavailable",
     "The service of the route's `authorizer` gave no answer within `timeout`, or neither 2xx, 401 nor 403; the error log says "
     "which. It is also told when 64 questions of one worker are open. `on_down = \"open\"` lets such requests pass."},
    {"token_inactive",
     "The answer of the `url` said `\"active\": false`. An answer is remembered for `cache_for`: a token that became active since is "
     "refused for so long."},
    {"introspection_unavailable",
     "The `url` gave no answer within `timeout`, another status than 200, or what is no introspection response; the error "
     "log says which. 401 means that `client_id` or `client_secret` is wrong. It is also told when 64 questions of one worker are open."},
    {"password_refused",
     "No user of the `file` has this name, or another password; or the field holds what RFC 7617 does not allow. A file that "
     "could not be read leaves the users before it in force and says so in the error log."},
    {"credential_store_unavailable",
     "The [redis.NAME] of the `store` gave no answer, or a key's text there is no JSON object as `sluice key new --consumer` prints "
     "it; the error log says which. Nothing passes meanwhile: a key or token may have been revoked."},
    {"passwords_busy",
     "More passwords came than two threads can hash: mostly somebody guesses. A `[limit.NAME]` with `count = \"failures\"` by "
     "address stops him before anything is hashed. Cheaper hashes or a longer `cache_for` help when they are your clients."},
    {"token_malformed",
     "Not three parts of base64url without padding, a header or claims that are no JSON object or name a member "
     "twice, or a header that demands an extension (`crit`). An opaque token or an encrypted one looks like this."},
    {"token_too_large", "More than 16 KiB. Tokens of that size carry what belongs into a database."},
    {"token_algorithm",
     "The header's `alg` is not among the `algorithms`, or not one that the named key is for. Often somebody "
     "tries `none`, or a shared secret in a public key's place."},
    {"token_key_unknown",
     "The header's `kid` is not in the issuer's key set, which was fetched anew within the last 10 seconds. The "
     "token is of another environment, or forged."},
    {"token_signature", "The signature is not that of the key: a changed or forged token, or a key set with wrong keys."},
    {"token_type",
     "The header's `typ` is not among `token_types`: an ID token, a logout token or a proof where an access token "
     "is due."},
    {"token_issuer", "`iss` is not exactly the `issuer`. A slash at the end counts."},
    {"token_audience", "`aud` names none of `audience`. The client asked its issuer for another API."},
    {"token_expired", "`exp` has passed, `clock_skew` counted. Clients get a new token and try again."},
    {"token_not_yet_valid", "`nbf` or `iat` lies in the future by more than `clock_skew`: a clock is wrong."},
    {"token_claims",
     "No `exp`, a claim of `required` is missing, one of `claims` has another value, or a claim has a type that it "
     "must not have."},
    {"token_revoked", "The token's `jti` or `sub` is in the file of `revoked`, or in the `store`."},
    {"token_keys_unavailable",
     "The issuer's keys were never had, or the token names an unknown key while they cannot be fetched. The error "
     "log says why (`token keys not fetched`); routes with other credentials serve on."},
    {"signature_malformed",
     "Signature-Input or Signature is no dictionary (RFC 9651), a name in them is there twice, there are more than 4 "
     "signatures; or an AWS4-HMAC-SHA256 Authorization lacks a part, or its X-Amz-Date."},
    {"signature_key_unknown",
     "No consumer has a signing key with this id for the `scheme`, or the signature names none (`keyid`). With `tag` set, "
     "signatures with another tag are passed over."},
    {"signature_key_expired", "The key's `expires` has passed. Give the consumer a second key before the first one ends."},
    {"signature_algorithm",
     "The `alg` of the signature is not the key's `algorithm`. Signers may leave `alg` out."},
    {"signature_components",
     "One of `components` is not covered, `created` or a required nonce is missing, a body has no Content-Digest that is covered; "
     "a component is covered that the request does not have, or twice. With sigv4: Host or an X-Amz- field is not signed, the region or "
     "service is another, or the body is not signed by X-Amz-Content-Sha256."},
    {"signature_expired", "Older than `max_skew`, or past its own `expires`: a replay, a slow client, or a wrong clock."},
    {"signature_not_yet_valid", "Made more than `max_skew` in the future. Compare the clocks."},
    {"signature_invalid",
     "Somebody changed what is signed, or the two sides do not sign the same text. Usual "
     "reasons: a proxy before the gateway rewrites the path, host or scheme (is it in `trusted_proxies`?), or the key is another."},
    {"signature_replayed",
     "The same signed request came before, within the time that it is good for. A client that repeats a request signs it "
     "anew; without nonces two equal requests of one second look the same."},
    {"signature_table_full",
     "A million signed requests are remembered. Lower `max_skew`, or limit who may send so many."},
    {"signature_store_unavailable",
     "The [redis.NAME] of the table's `replay` does not answer: see the error log. With `on_store_down = \"local\"` each gateway lets "
     "a request pass once meanwhile."},
    {"signature_target",
     "The path's normal form, by which routes are chosen and which the upstream gets, is not what was signed: dot segments, "
     "`%7E` for `~`, `%c3` for `%C3`. Sign and send the normal form."},
    {"digest_malformed", "Content-Digest is no dictionary, or has neither sha-256 nor sha-512."},
    {"digest_mismatch",
     "The body is not the one that was signed: changed on its way, or the client hashed something else (before compression, or a text "
     "in another encoding). The upstream's request was broken off before its end."},
    {"address_denied",
     "The route's `deny_ips` has the client's address, or its `allow_ips` has not; the audit log and `sluice explain --from` "
     "say which. Behind a load balancer, is it in `trusted_proxies`?"},
    {"not_allowed",
     "The client is known, and no rule of the route's `allow` held. `sluice explain` with the same credentials lists the "
     "rules and names the one that decided; shadow = true lets everybody pass while the error log says who would not."},
    {"plugin_refused",
     "A plugin of the route said no (`plugins`). Which one, and why, is its own to log; `sluice "
     "explain` shows the plugins of a route."},
    {"plugin_failed",
     "A plugin of the route said that it cannot judge, answered with a number that is no verdict, "
     "or promised a reply and gave none. A bug in the plugin: see its lines in the error log."},
    {"rate_limited",
     "A `[limit.NAME]` of the route is reached; `sluice_limit_requests_total` says which, `sluice explain` shows all "
     "that a route has. Raise it, or have the client keep to what `RateLimit` and `Retry-After` say."},
    {"too_many_in_flight",
     "A `[limit.NAME]` with `concurrency` is reached: this client has as many requests in progress as it may."},
    {"dependency_unavailable",
     "A `[limit.NAME]` with `on_store_down = \"closed\"`, and its `[redis.NAME]` does not answer: see the error log. With "
     "`\"local\"` each gateway holds its part of the limit meanwhile."},
    {"upgrade_required",
     "A request that asks for no WebSocket, on a route with `match.upgrade`: a browser that opened the address itself, "
     "a probe, or a proxy in front that drops `Upgrade`."},
    {"websocket_version",
     "`Sec-WebSocket-Version` is not 13: a client of before 2011, or a hand-made one."},
    {"bad_websocket_handshake",
     "Not GET, a body, or no good `Sec-WebSocket-Key`: a hand-made client or a scan. Nothing was forwarded."},
    {"upstream_bad_upgrade",
     "The upstream answered 101 without `Upgrade: websocket`, with a `Sec-WebSocket-Accept` that does not answer "
     "the client's key, or, on a route that looks at messages, with an extension that it was not offered (by default "
     "none is: `websocket.compression`). The connection to it was reset: nothing becomes a tunnel that is not agreed on."},
    {"upstream_no_websockets",
     "The upstream's `protocol` is `h2` or `h2c`, and its SETTINGS do not have SETTINGS_ENABLE_CONNECT_PROTOCOL (RFC "
     "8441). Turn it on there, or give the route an upstream with `protocol = \"h1\"`."},
    {"ticket_unknown",
     "A ticket was shown a second time, later than its `lifetime`, to another gateway without a shared `store`, or after a "
     "restart. Pages ask for a new one for each socket; somebody who copied a URL finds this too."},
    {"tickets_full",
     "Tickets that nobody has used yet fill the `cache` of their `[auth.NAME]`: raise it, or give the route that issues "
     "them a limit by identity."},
    {"ticket_store_unavailable",
     "The `[redis.NAME]` that holds the tickets does not answer, or is older than 6.2 (GETDEL): see the error log."},
    {"origin_denied",
     "A page of an origin that the route's [cors.NAME] does not list wanted to open a WebSocket. Browsers send such "
     "requests whatever CORS says, so the gateway refuses them. The audit log names the [cors.NAME] as the rule."},
    {"control_forbidden",
     "Somebody else opened the control socket (`admin.control`): its file has been given a wider mode than "
     "0600. Run `sluice reload` as root or as the service's own user."},
};

constexpr std::string_view advice_for(std::string_view code) {
  for (const Advice& advice : kAdvice) {
    if (advice.code == code) return advice.text;
  }
  return {};
}

constexpr auto kCatalogue = [] {
  std::array<const Problem*, std::size(http::kH1Problems) + std::size(http::kH1CodecProblems) +
                                 std::size(http::kH2Problems) + std::size(kProblems) + std::size(plugin::kPluginProblems) +
                                     std::size(policy::kAuthProblems) + std::size(policy::kAllowProblems) +
                                     std::size(policy::kIpProblems) + std::size(policy::kLimitProblems) +
                                     std::size(policy::kJwtProblems) + std::size(policy::kAuthorizerProblems) +
                                     std::size(policy::kSignatureProblems) + std::size(policy::kTicketProblems) +
                                     std::size(policy::kCorsProblems)>
      all{};
  auto* next = std::copy(std::begin(http::kH1Problems), std::end(http::kH1Problems), all.data());
  next = std::copy(std::begin(http::kH1CodecProblems), std::end(http::kH1CodecProblems), next);
  next = std::copy(std::begin(http::kH2Problems), std::end(http::kH2Problems), next);
  next = std::copy(std::begin(kProblems), std::end(kProblems), next);
  next = std::copy(std::begin(plugin::kPluginProblems), std::end(plugin::kPluginProblems), next);
  next = std::copy(std::begin(policy::kAuthProblems), std::end(policy::kAuthProblems), next);
  next = std::copy(std::begin(policy::kAllowProblems), std::end(policy::kAllowProblems), next);
  next = std::copy(std::begin(policy::kIpProblems), std::end(policy::kIpProblems), next);
  next = std::copy(std::begin(policy::kLimitProblems), std::end(policy::kLimitProblems), next);
  next = std::copy(std::begin(policy::kJwtProblems), std::end(policy::kJwtProblems), next);
  next = std::copy(std::begin(policy::kAuthorizerProblems), std::end(policy::kAuthorizerProblems), next);
  next = std::copy(std::begin(policy::kSignatureProblems), std::end(policy::kSignatureProblems), next);
  next = std::copy(std::begin(policy::kTicketProblems), std::end(policy::kTicketProblems), next);
  std::copy(std::begin(policy::kCorsProblems), std::end(policy::kCorsProblems), next);
  return all;
}();
constexpr size_t kRefusals =
    std::size(http::kH1Problems) + std::size(http::kH1CodecProblems) + std::size(http::kH2Problems);

static_assert(std::all_of(kCatalogue.begin(), kCatalogue.end(),
                          [](const Problem* problem) {
                            return !advice_for(problem->code).empty();
                          }),
              "a problem has no advice for operators");
static_assert(std::size(kAdvice) == kCatalogue.size(), "advice for a problem that is not there");

constexpr std::string_view kIntroduction =
    R"(# Errors

Generated by `sluice errors`; a test holds this page equal to its output.

Every response that the gateway makes itself is here; anything else came from an upstream, byte for byte. Its body is RFC 9457
problem details (`application/problem+json`), or a short HTML page or plain text when `Accept` prefers that:

```json
{"type":"https://sluice.dev/errors#no_route","title":"Not Found","status":404,"detail":"No route is configured for this host and path.","instance":"urn:request:01J9ZQ0W1X3T4V5B6C7D8E9F0G","code":"no_route"}
```

* `code` never changes its meaning. It is also in the access log (`problem`) and in the metric
  `sluice_problems_total{code="..."}`.
* `instance` is the request id, which the access log has as `request_id` and the response as `X-Request-Id`: one id from the
  user's screen to the log line.
* Nothing that the client sent is repeated in the body. Responses have `Cache-Control: no-store`; 503 has `Retry-After`,
  405 has `Allow`.
* "Ends the connection": after such a request nobody can say where the next one begins. The answer is sent, the
  connection half-closed, and what still arrives is discarded (until nothing comes for 5 s, 30 s at most) so that the client can read it. A refused
  request of HTTP/2 ends its stream alone.
* A call of gRPC gets no body but `grpc-status`, by the status that is given here (`docs/grpc.md`).
)";

void append_problem(std::string& out, const Problem& problem) {
  out += "\n### ";
  out += problem.code;
  out += "\n\n**" + std::to_string(problem.status) + " ";
  out += problem.title;
  out += problem.close ? "**, ends the connection. " : "**. ";
  out += problem.detail;
  out += "\n\n";
  out += advice_for(problem.code);
  out += '\n';
}

}  // namespace

std::span<const Problem* const> problem_catalogue() {
  return kCatalogue;
}

std::string problem_reference() {
  std::string out(kIntroduction);
  out +=
      "\n## Requests that are refused\n\nNothing of them reached an upstream, unless the body went "
      "wrong on its way.\n";
  for (size_t i = 0; i < kRefusals; ++i) append_problem(out, *kCatalogue[i]);
  out +=
      "\n## Requests that could not be answered\n\nThe request was good; the configuration, the "
      "gateway's state or the "
      "upstream decided.\n";
  for (size_t i = kRefusals; i < kCatalogue.size(); ++i) append_problem(out, *kCatalogue[i]);
  return out;
}

}  // namespace sluice::proxy

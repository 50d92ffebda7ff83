"""The proxies with policies at work: tokens verified, limits, CORS, audit. Variants for peers.py, and the tokens that
load.py sends."""
import base64
import hashlib
import hmac
import itertools
import json
import time

import peers

ISSUER, AUDIENCE, ORIGIN = "https://id.example", "bench", "https://app.example.com"
FRESH_TOKENS = 6_000            # one after the other: more than the cache below holds
CACHE = "1MiB"                  # Sluice's, of verified tokens
KEYS = 1_000_000
ALGORITHMS = ("HS256", "RS256", "ES256")
SECRET = b"0123456789abcdef0123456789abcdef"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Signer:
    """A key of one algorithm, made for this run."""

    def __init__(self, folder, algorithm):
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec, rsa
        self.algorithm, self.key = algorithm, None
        if algorithm == "HS256":
            (folder / "HS256.jwks").write_text(json.dumps({"keys": [{"kty": "oct", "alg": "HS256", "k": b64(SECRET)}]}))
            return
        self.key = (rsa.generate_private_key(65537, 2048) if algorithm == "RS256"
                    else ec.generate_private_key(ec.SECP256R1()))
        (folder / f"{algorithm}.pem").write_bytes(self.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))

    def signature(self, message):
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, padding, utils
        if self.algorithm == "HS256":
            return hmac.new(SECRET, message, hashlib.sha256).digest()
        if self.algorithm == "RS256":
            return self.key.sign(message, padding.PKCS1v15(), hashes.SHA256())
        r, s = utils.decode_dss_signature(self.key.sign(message, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def token(self, number):
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": f"user-{number}", "iat": now, "exp": now + 86_400,
                  "jti": f"{number:032x}", "scope": "orders:read orders:write", "email": "somebody@example.com"}
        head = {"alg": self.algorithm, "typ": "JWT"}
        message = ".".join(b64(json.dumps(part).encode()) for part in (head, claims)).encode()
        return message.decode() + "." + b64(self.signature(message))


def make_tokens(folder):
    """Keys, and a file of tokens for each algorithm: the first is the one that is used again and again."""
    for algorithm in ALGORITHMS:
        signer = Signer(folder, algorithm)
        (folder / f"{algorithm}.tokens").write_text("".join(signer.token(i) + "\n" for i in range(FRESH_TOKENS)))


def signatures(keyid, path):
    """gives: fields of GET requests for `path`, one after the other, each signed with SECRET (RFC 9421, hmac-sha256)"""
    for number in itertools.count():
        parameters = (f'("@method" "@authority" "@path" "@query");created={int(time.time())};keyid="{keyid}";nonce="{number}"')
        base = f'"@method": GET\n"@authority": localhost\n"@path": {path}\n"@query": ?\n"@signature-params": {parameters}'
        signature = base64.b64encode(hmac.new(SECRET, base.encode(), hashlib.sha256).digest()).decode()
        yield f"Signature-Input: s={parameters}\r\nSignature: s=:{signature}:\r\n"


def api_key(number):
    return f"slk_bench{number:032}"


def key_record(number):
    """gives: its line in the file of keys"""
    name = hashlib.sha256(api_key(number).encode()).hexdigest()
    return f'{{"sha256":"{name}","id":"k{number}","consumer":"c{number % 1000}"}}\n'


def make_keys(folder, count=KEYS):
    with open(folder / "keys.jsonl", "w") as out:
        out.writelines(map(key_record, range(count)))


LIMIT = """[limit.each]
key = "ip"
rate = "10_000_000/1s"
burst = 1_000_000
[cors.app]
origins = ["https://app.example.com", "https://*.partner.example"]
expose = ["Link"]
"""
ROUTED = 'upstream = "backend"\n'


def key_line(folder, algorithm):
    return f'jwks_file = "{folder}/HS256.jwks"' if algorithm == "HS256" else f'public_key = "{folder}/{algorithm}.pem"'


def jwt(folder, algorithm):
    """Edits of sluice.toml: every route asks for a token, holds a limit and answers pages of another origin."""
    return [(ROUTED, ROUTED + 'auth = ["bench"]\nlimit = ["each"]\ncors = "app"\n'),
            *((f'upstream = "{name}"\n', f'upstream = "{name}"\nauth = "none"\n') for name in ("sink", "live")),
            ("[log.error]", f"""[auth.bench]
type = "jwt"
issuer = "{ISSUER}"
audience = "{AUDIENCE}"
algorithms = ["{algorithm}"]
{key_line(folder, algorithm)}
cache = "{CACHE}"
{LIMIT}[log.error]""")]


def logged(folder):
    """Further edits: access log and audit log."""
    return [("[log.error]", f"""[log.access]
format = "json"
file = "{folder}/chain-access.log"
[log.audit]
file = "{folder}/chain-audit.log"
[log.error]""")]


def keyed(folder):
    return [(ROUTED, ROUTED + 'auth = ["bench"]\nlimit = ["each"]\n'),
            *((f'upstream = "{name}"\n', f'upstream = "{name}"\nauth = "none"\n') for name in ("sink", "live")),
            ("[log.error]", f"""[auth.bench]
type = "api_key"
store = "file:{folder}/keys.jsonl"
{LIMIT}[log.error]""")]


def haproxy_jwt(folder, algorithm):
    """Edits of haproxy.cfg: the same checks (alg, iss, aud, exp, signature), as its own guide makes them, a count in a stick
    table, and CORS. It has no cache: each request is verified."""
    key = SECRET.decode() if algorithm == "HS256" else f"{folder}/{algorithm}.pem"
    return [("  use_backend sink", f"""  stick-table type ip size 100k expire 30s store http_req_rate(10s)
  http-request track-sc0 src
  http-request deny deny_status 429 if {{ sc_http_req_rate(0) gt 1000000000 }}
  http-request set-var(txn.origin) req.hdr(Origin)
  http-request set-var(txn.bearer) http_auth_bearer
  http-request set-var(txn.exp) var(txn.bearer),jwt_payload_query('$.exp','int')
  http-request set-var(txn.now) date()
  acl upload path_beg /upload/
  http-request deny deny_status 401 if !upload !{{ var(txn.bearer),jwt_header_query('$.alg') -m str {algorithm} }}
  http-request deny deny_status 401 if !upload !{{ var(txn.bearer),jwt_payload_query('$.iss') -m str {ISSUER} }}
  http-request deny deny_status 401 if !upload !{{ var(txn.bearer),jwt_payload_query('$.aud') -m str {AUDIENCE} }}
  http-request deny deny_status 401 if !upload {{ var(txn.exp),sub(txn.now) -m int lt 0 }}
  http-request deny deny_status 401 if !upload !{{ var(txn.bearer),jwt_verify("{algorithm}","{key}") -m int 1 }}
  http-response set-header Access-Control-Allow-Origin %[var(txn.origin)] if {{ var(txn.origin) -m str {ORIGIN} }}
  http-response add-header Vary Origin
  use_backend sink""")]


def variants(folder):
    """Processes named as load.py's workloads ask for them."""
    found = []
    for place, algorithm in enumerate(ALGORITHMS):
        shift, name = 300 + 2 * place, algorithm.lower()
        config = peers.variant(folder, "sluice.toml", name, shift, jwt(folder, algorithm))
        found.append(peers.sluice(f"sluice-{name}", config, shift, proxy="sluice"))
        shift -= 100
        config = peers.variant(folder, "haproxy.cfg", name, shift, haproxy_jwt(folder, algorithm))
        found.append(peers.haproxy(f"haproxy-{name}", config, shift, proxy="haproxy"))
    config = peers.variant(folder, "sluice.toml", "policies", 310, [*jwt(folder, "ES256"), *logged(folder)])
    found.append(peers.sluice("sluice-policies", config, 310, proxy="sluice"))
    config = peers.variant(folder, "haproxy.cfg", "chain", 210, [*haproxy_jwt(folder, "ES256"), *peers.HAPROXY_LOG])
    found.append(peers.haproxy("haproxy-chain", config, 210))
    config = peers.variant(folder, "sluice.toml", "keys", 312, keyed(folder))
    found.append(peers.sluice("sluice-keys", config, 312, proxy="sluice"))
    return found


def wrk_script(folder, algorithm, fresh):
    """Lua that sends the tokens one after the other, or always the first."""
    count = FRESH_TOKENS if fresh else 1
    return f"""local requests, at = {{}}, 0
for token in io.lines("{folder}/{algorithm}.tokens") do
  if #requests < {count} then
    requests[#requests + 1] = wrk.format("GET", nil,
      {{["Host"] = "localhost", ["Authorization"] = "Bearer " .. token, ["Origin"] = "{ORIGIN}"}})
  end
end
request = function()
  at = at % #requests + 1
  return requests[at]
end
"""


def key_script():
    """Lua that sends keys from all over the table, so that each has left the near caches."""
    return f"""local at = 0
request = function()
  at = (at + 7919) % {KEYS}
  return wrk.format("GET", nil, {{["X-Api-Key"] = string.format("slk_bench%032d", at)}})
end
"""

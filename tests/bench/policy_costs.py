"""What each policy costs alone: instructions per request, counted by callgrind, beside those of the plain proxy. Part of
`make bench`. Callgrind knows no SHA instructions, so digests (an API key's, a signature's, the audit log's chain) count as made
in software. What is remembered (a password, the answer of an introspection or of an authorizer, a verified token) is counted
once it is: the first request of each is in the warm-up, and so is a handshake.

Not here: `ticket`, which belongs to the handshake of a WebSocket and not to a request; stores in Redis (shared_limits.py)."""
import itertools
import ssl
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

import guards
import peers
import places

RUNS = 3                 # the least of them counts: it has the fewest turns of timers in it
PATH = "/service42/items/7"
PASSWORDS = "alice:$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW\n"     # "U*U": a vector of crypt_blowfish
ALICE = "Authorization: Basic YWxpY2U6VSpV\r\n"
KEY = f"X-Api-Key: {guards.api_key(7)}\r\n"
BEARER, ORIGIN = "Authorization: Bearer @token@\r\n", f"Origin: {guards.ORIGIN}\r\n"
JWT = f"""[auth.jwt]
type = "jwt"
issuer = "{guards.ISSUER}"
audience = "{guards.AUDIENCE}"
algorithms = ["HS256"]
jwks_file = "@dir@/HS256.jwks"
"""
KEYS = '[auth.keys]\ntype = "api_key"\nstore = "file:@dir@/keys.jsonl"\n'
BASIC = '[auth.basic]\ntype = "basic"\nfile = "@dir@/users"\ncache_for = "1h"\n'
OPAQUE = """[auth.opaque]
type = "introspection"
url = "http://127.0.0.1:@backend@/introspect"
cache_for = "1h"
"""
SIGNED = """[auth.signed]
type = "signature"
[consumer.signer]
signing_keys = [{ id = "signer", algorithm = "hmac-sha256", secret = { secret = "file:@dir@/secret" } }]
"""
SECURE = """[listen.secure]
address = "127.0.0.1:@secure@"
tls = "site"
[tls.site]
certificates = [{ cert = "@dir@/site.crt", key = "@dir@/site.key" }]
"""
MACHINES = """client_cert = { ca = "@dir@/site.crt" }
[auth.machines]
type = "mtls"
[consumer.machine]
certificates = [{ dns = "localhost" }]
"""
LIMITS = guards.LIMIT + """[limit.sliding]
key = "ip"
rate = "1_000_000/1s"
algorithm = "sliding"
[limit.quota]
key = "ip"
rate = "1_000_000/1d"
algorithm = "quota"
[limit.together]
key = "ip"
concurrency = 100
"""
RANGES = 'allow_ips = ["127.0.0.0/8", "10.0.0.0/8"]\ndeny_ips = ["192.0.2.0/24"]'
LIST = '[ip_list.blocked]\nfile = "@dir@/blocked.txt"\n'
HEADERS = """[route.one.headers.request]
set = { X-Client = "{ip}" }
add = { X-Kind = "{path.kind}" }
remove = ["X-Debug"]
[route.one.headers.response]
set = { X-Served-By = "gateway" }
remove = ["Server"]
"""
AUTHORIZER = '[authorizer.permissions]\nurl = "http://127.0.0.1:@backend@/check"\ncache_for = "1h"\n'
PLUGIN = f"""[plugin.versions]
file = "{peers.SLUICE.parent}/plugins/api_version.so"
settings = {{ supported = "1 2", default = "2" }}
"""
ACCESS_LOG = '[log.access]\nformat = "json"\nfile = "@dir@/access.log"\n'
AUDIT_LOG = '[log.audit]\nfile = "@dir@/audit.log"\n'
SCOPES = 'allow = [{ scopes = ["orders:read"] }]\n'


@dataclass(frozen=True)
class Policy:
    title: str
    keys: str = ""           # of the route
    more: str = ""           # what is configured beside it
    fields: str = ""         # of the request
    signs: bool = False      # each request is signed
    tls: bool = False        # the client's side is TLS, and shows a certificate to whoever asks


POLICIES = (
    Policy("plain proxy"),
    Policy("JWT (HS256, reused)", 'auth = ["jwt"]', JWT, BEARER),
    Policy("the same, with 1,000 revoked tokens", 'auth = ["jwt"]', JWT + 'revoked = "@dir@/revoked.jsonl"\n', BEARER),
    Policy("API key", 'auth = ["keys"]', KEYS, KEY),
    Policy("password (bcrypt, remembered)", 'auth = ["basic"]', BASIC, ALICE),
    Policy("introspection (remembered)", 'auth = ["opaque"]', OPAQUE, BEARER),
    Policy("signature (RFC 9421, HMAC, new each time)", 'auth = ["signed"]', SIGNED, signs=True),
    Policy("TLS 1.3, no policy: for the next row", more=SECURE, tls=True),
    Policy("client certificate, over TLS", 'auth = ["machines"]', SECURE + MACHINES, tls=True),
    Policy("`allow` by scope, and the JWT", 'auth = ["jwt"]\n' + SCOPES, JWT, BEARER),
    Policy("authorizer (answer remembered)", 'authorizer = "permissions"', AUTHORIZER, BEARER),
    Policy("`allow_ips` and `deny_ips`", RANGES),
    Policy("`deny_ips` by a list of 1,000 ranges", 'deny_ips = ["blocked"]', LIST),
    Policy("rate limit by address", 'limit = ["each"]', LIMITS),
    Policy("the same, sliding", 'limit = ["sliding"]', LIMITS),
    Policy("the same, quota", 'limit = ["quota"]', LIMITS),
    Policy("limit of requests in flight", 'limit = ["together"]', LIMITS),
    Policy("CORS", 'cors = "app"', guards.LIMIT, ORIGIN),
    Policy("security headers (api-strict)", 'security_headers = "api-strict"'),
    Policy("header rules, three for requests, two for responses", HEADERS),
    Policy("plugin (the example, api_version)", 'plugins = ["versions"]', PLUGIN),
    Policy("access log (JSON)", more=ACCESS_LOG),
    Policy("JWT and audit log", 'auth = ["jwt"]', JWT + AUDIT_LOG, BEARER),
    Policy("JWT, limit, CORS, `allow`, access log and audit log", 'auth = ["jwt"]\nlimit = ["each"]\ncors = "app"\n' + SCOPES,
           JWT + guards.LIMIT + ACCESS_LOG + AUDIT_LOG, BEARER + ORIGIN),
)
ROUTE = """[route.one]
match = { path = "/service42/{kind}/{id}" }
upstream = "backend"
"""


class Backend(places.Backend):
    """Allows what an authorizer asks, and knows every token that it is asked about."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        told = b'{"active": true, "sub": "alice", "scope": "orders:read"}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)


def make_files(folder):
    """What the configurations name. gives: the token to send"""
    guards.make_keys(folder, 1_000)
    peers.make_certificate(folder, "site", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
    (folder / "users").write_text(PASSWORDS)
    (folder / "secret").write_bytes(guards.SECRET)
    (folder / "revoked.jsonl").write_text("".join(f'{{"jti": "revoked-{i}"}}\n' for i in range(1_000)))
    (folder / "blocked.txt").write_text("".join(f"10.{i // 100}.{i % 100 * 2}.0/24\n" for i in range(1_000)))
    return guards.Signer(folder, "HS256").token(0)


def connected_by_tls(folder):
    """A client that shows its certificate to whoever asks for one."""
    client = ssl.create_default_context(cafile=folder / "site.crt")
    client.load_cert_chain(folder / "site.crt", folder / "site.key")
    return client.wrap_socket(places.connected(places.PORT + 1), server_hostname="localhost")


def cost(policy, folder, backend, token):
    """gives: instructions of one request"""
    auth = "" if "auth =" in policy.keys else 'auth = "none"\n'
    text = places.HEAD + policy.more + ROUTE + auth + policy.keys
    for name, value in (("backend", backend), ("dir", folder), ("secure", places.PORT + 1)):
        text = text.replace(f"@{name}@", str(value))
    config = folder / "sluice.toml"
    config.write_text(text)
    fields = guards.signatures("signer", PATH) if policy.signs else itertools.repeat(policy.fields.replace("@token@", token))
    connect = (lambda: connected_by_tls(folder)) if policy.tls else places.connected
    return min(places.instructions(config, PATH, fields, connect) for _ in range(RUNS))


def measure():
    """gives: instructions per request by title; the plain proxy first"""
    server = places.Server(("127.0.0.1", 0), Backend)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(prefix="sluice-policies-") as name:
        folder = Path(name)
        token = make_files(folder)
        found = {policy.title: cost(policy, folder, server.server_port, token) for policy in POLICIES}
    server.shutdown()
    return found


def text():
    found = measure()
    plain = found["plain proxy"]
    lines = ["| policy | instructions per request | beside the plain proxy |", "|---|---|---|"]
    lines += [f"| {title} | {count:,.0f} | {count - plain:+,.0f} |" for title, count in found.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())

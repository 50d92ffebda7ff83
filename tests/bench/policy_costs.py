"""What each policy costs alone: instructions per request, counted by callgrind, beside those of the plain proxy. Part of
`make bench`. Callgrind knows no SHA instructions, so digests (an API key's, the audit log's chain) count as made in software."""
import sys
import tempfile
import threading
from pathlib import Path

import guards
import places

RUNS = 3                 # the least of them counts: it has the fewest turns of timers in it
KEY = guards.api_key(7)
DEFINED = """
[auth.jwt]
type = "jwt"
issuer = "@issuer@"
audience = "@audience@"
algorithms = ["HS256"]
jwks_file = "@dir@/HS256.jwks"
[auth.keys]
type = "api_key"
store = "file:@dir@/keys.jsonl"
"""
BEARER, ORIGIN = f"Authorization: Bearer {{token}}\r\n", f"Origin: {guards.ORIGIN}\r\n"
# title: (keys of the route, what is configured beside it, fields of the request)
POLICIES = {
    "JWT (HS256, reused)": ('auth = ["jwt"]', "", BEARER),
    "API key": ('auth = ["keys"]', "", f"X-Api-Key: {KEY}\r\n"),
    "rate limit by address": ('limit = ["each"]', "", ""),
    "CORS": ('cors = "app"', "", ORIGIN),
    "`allow` by scope": ('auth = ["jwt"]\nallow = [{ scopes = ["orders:read"] }]', "", BEARER),
    "access log (JSON)": ("", '[log.access]\nformat = "json"\nfile = "@dir@/access.log"\n', ""),
    "JWT and audit log": ('auth = ["jwt"]', '[log.audit]\nfile = "@dir@/audit.log"\n', BEARER),
    "all of these": ('auth = ["jwt"]\nlimit = ["each"]\ncors = "app"\nallow = [{ scopes = ["orders:read"] }]',
                     '[log.access]\nformat = "json"\nfile = "@dir@/access.log"\n[log.audit]\nfile = "@dir@/audit.log"\n',
                     BEARER + ORIGIN),
}
ROUTE = """[route.one]
match = { path = "/service42/{kind}/{id}" }
upstream = "backend"
@keys@
"""


def cost(folder, backend, keys, more, fields):
    """gives: instructions of one request"""
    if "auth" not in keys:
        keys += '\nauth = "none"'
    text = places.HEAD + DEFINED + guards.LIMIT + more + ROUTE.replace("@keys@", keys)
    for name, value in (("backend", backend), ("dir", folder), ("issuer", guards.ISSUER), ("audience", guards.AUDIENCE)):
        text = text.replace(f"@{name}@", str(value))
    config = folder / "sluice.toml"
    config.write_text(text)
    return min(places.instructions(config, "/service42/items/7", fields) for _ in range(RUNS))


def measure():
    """gives: instructions per request by policy; the plain proxy first"""
    server = places.Server(("127.0.0.1", 0), places.Backend)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(prefix="sluice-policies-") as name:
        folder = Path(name)
        token = guards.Signer(folder, "HS256").token(0)
        guards.make_keys(folder, 1_000)
        found = {"plain proxy": cost(folder, server.server_port, "", "", "")}
        for title, (keys, more, fields) in POLICIES.items():
            found[title] = cost(folder, server.server_port, keys, more, fields.replace("{token}", token))
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

"""Every policy holds for a gRPC call and for any other HTTP/2 stream as it does for HTTP/1: refused in the terms of who
asks, the server behind not reached; let through with the right credential."""
import base64
import json

import pytest
from support.gateway import settings
from support.h2_client import H2Client
from support.h2_upstream import H2Upstream
from support.issuer import Issuer, Key, key_set
from support.signing import Key as SigningKey
from support.signing import signed
from support.timing import wait_until
from test_api_keys import KEY, sha256
from test_authorizer import Decider
from test_basic import HASH
from test_credential_stores import name_of
from test_introspection import Introspector
from test_signed_requests_aws import SECRET
from test_signed_requests_aws import signed as signed_for_aws

pytestmark = pytest.mark.threads
GRPC = [("content-type", "application/grpc"), ("te", "trailers")]
MESSAGE = b"\0\0\0\0\2hi"
LIMITED_KEY = "slk_of_who_has_a_limit"
APP = "https://app.example"
# What each route asks for; its path is /NAME.Service/{method}.
ROUTES = {
    "key": 'auth = ["partners"]',
    "token": 'auth = ["customers"]',
    "password": 'auth = ["legacy"]',
    "signature": 'auth = ["bank"]',
    "tools": 'auth = ["tools"]',
    "certificate": 'auth = ["machines"]',
    "opaque": 'auth = ["opaque"]',
    "service": 'auth = "none"\nauthorizer = "permissions"',
    "rights": 'auth = ["partners"]\nallow = { roles = ["root"] }',
    "rate": 'auth = "none"\nlimit = ["few"]',
    "leased": 'auth = "none"\nlimit = ["leased"]',
    "exact": 'auth = "none"\nlimit = ["exact"]',
    "busy": 'auth = "none"\nlimit = ["one"]',
    "denied": 'auth = "none"\ndeny_ips = ["127.0.0.1"]',
    "web": 'auth = ["partners"]\ncors = "web"',
}
AWS_OF_NOBODY = ("AWS4-HMAC-SHA256 Credential=AKIDNOBODY/20260101/eu-central-1/execute-api/aws4_request, "
                 f"SignedHeaders=host;x-amz-date, Signature={'0' * 64}")
PLAIN_STATUS = {"16": 401, "7": 403, "14": 429}


class World:
    ROUTES, MATCH, PROTOCOL, LISTEN = ROUTES, "", "h2c", 'protocols = ["h2c"]'
    METHOD, BODY = "POST", MESSAGE

    def __init__(self, start, upstream, redis, authority, folder):
        self.behind, self.redis = self.serve(upstream), redis()
        self.token_key, self.signing = Key(folder, "k1"), SigningKey("k-bank", "hmac-sha256")
        self.authority = authority
        self.audited = []     # what the audit log must have: route, method, decision, status of gRPC
        self.ruled = []       # and for refusals by a limit: route, method, the limit's name
        self.pair = authority.leaf("acme.example", stem=folder / "acme")
        (folder / "set.json").write_text(key_set(self.token_key))
        (folder / "users").write_text(f"alice:{HASH}\n")
        (folder / "secret").write_text("s3cret\n")
        self.introspector, self.decider = Introspector(), Decider()
        issuer, decider = upstream(self.introspector), upstream(self.decider)
        cert, key = authority.leaf("localhost", stem=folder / "site")
        routes = "".join(f'[route.{name}]\nmatch = {{ path = "/{name}.Service/{{method}}"{self.MATCH} }}\nupstream = "main"\n{lines}\n'
                         for name, lines in self.ROUTES.items())
        self.gateway = start(settings(listen=self.LISTEN, more=f"""
[upstream.main]
servers = ["{self.behind.address}"]
protocol = "{self.PROTOCOL}"
{routes}
[listen.secure]
address = "127.0.0.1:@tls@"
tls = "site"
[tls.site]
certificates = [{{ cert = "{cert}", key = "{key}" }}]
client_cert = {{ ca = "{authority.cert}", mode = "optional" }}
[consumer.acme]
keys = [{{ id = "k1", sha256 = "{sha256(KEY)}" }}]
users = ["alice"]
certificates = [{{ dns = "acme.example" }}]
signing_keys = [{self.signing.entry(folder)},
                {{ id = "AKIDACME", algorithm = "sigv4", secret = {{ secret = "env:AWS" }} }}]
[auth.partners]
type = "api_key"
[auth.customers]
type = "jwt"
issuer = "https://id.example"
audience = "orders"
jwks_file = "{folder}/set.json"
[auth.legacy]
type = "basic"
file = "{folder}/users"
[auth.bank]
type = "signature"
[auth.tools]
type = "signature"
scheme = "sigv4"
[auth.machines]
type = "mtls"
[auth.opaque]
type = "introspection"
url = "http://{issuer.address}/introspect"
client_id = "gateway"
client_secret = {{ secret = "file:{folder}/secret" }}
timeout = "10s"
[authorizer.permissions]
url = "http://{decider.address}/check"
timeout = "10s"
[limit.few]
key = "header.X-Name"
rate = "1/1h"
[redis.main]
url = "redis://127.0.0.1:{self.redis.port}"
timeout = {{ command = "10s" }}
[limit.leased]
key = "header.X-Name"
rate = "1/1h"
store = "main"
[limit.exact]
key = "header.X-Name"
rate = "1/1h"
store = "main"
exact = true
[limit.one]
key = "ip"
concurrency = 1
[cors.web]
origins = ["{APP}"]
[log.audit]
file = "@dir@/audit.log"
{self.more(folder)}
"""), environment={"AWS": SECRET})
        self.gateway.wait_for_metric(1, "sluice_redis_up", redis="main")

    def serve(self, _):
        """gives: what listens behind the gateway"""
        return H2Upstream(self.answer).__enter__()

    def more(self, _):
        return ""

    def stop(self):
        self.behind.__exit__()

    @staticmethod
    def answer(connection, request):
        if request.get(":path").endswith("/Hang"):
            return
        if request.get("content-type") == "application/grpc":
            connection.answer(request, MESSAGE, fields=GRPC[:1], trailers=[("grpc-status", "0")])
        else:
            connection.answer(request)

    def client(self, name):
        if name != "certificate":
            return H2Client(self.gateway.port)
        return H2Client(self.gateway.tls, tls=self.authority.client_context(alpn=("h2",), pair=self.pair))

    def good(self, name, target):
        """Fields that the route of that name lets in."""
        password = base64.b64encode(b"alice:U*U").decode()
        return {
            "key": lambda: [("x-api-key", KEY)],
            "web": lambda: [("x-api-key", KEY)],
            "token": lambda: [("authorization", "Bearer " + Issuer().token(self.token_key))],
            "password": lambda: [("authorization", f"Basic {password}")],
            "signature": lambda: [(field.lower(), value) for field, value in
                                  signed(self.signing, self.METHOD, target, body=self.BODY)],
            "tools": lambda: [(field.lower(), value) for field, value in
                              signed_for_aws("localhost", self.METHOD, target, self.BODY)[1]
                              if field != "Content-Length"],
            "opaque": lambda: [("authorization", "Bearer good")],
            "service": lambda: [("cookie", "user=alice")],
        }.get(name, lambda: [])()

    def records(self, name, method):
        """Of the audit log, for requests of that route and method, and for the ends of their sockets."""
        log = self.gateway.folder / "audit.log"
        text = log.read_text() if log.exists() else ""
        lines = [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]
        asked = {line["request_id"] for line in lines
                 if line.get("route") == name and line.get("params") == {"method": method}}
        return [line for line in lines if line.get("request_id") in asked]


class Calls(World):
    """The same routes, and more of the kinds of credentials and limits."""
    ROUTES = {
        **ROUTES,
        "both": 'auth = { all = ["partners", "customers"] }',
        "cookie": 'auth = ["pages"]',
        "stored": 'auth = ["stored"]',
        "revocable": 'auth = ["revocable"]',
        "guessed": 'auth = ["partners"]\nlimit = ["guesses"]',
        "sliding": 'auth = "none"\nlimit = ["sliding"]',
        "quota": 'auth = "none"\nlimit = ["quota"]',
        "dear": 'auth = "none"\nlimit = [{ name = "dear", cost = 3 }]',
        "own": 'auth = ["partners"]',
        "shadow": 'auth = "none"\nlimit = ["shadow"]',
    }

    def more(self, folder):
        return f"""
[auth.pages]
type = "jwt"
issuer = "https://id.example"
audience = "orders"
jwks_file = "{folder}/set.json"
cookie = "session"
[auth.stored]
type = "api_key"
store = "main"
[auth.revocable]
type = "jwt"
issuer = "https://id.example"
audience = "orders"
jwks_file = "{folder}/set.json"
store = "main"
[limit.guesses]
key = "header.X-Name"
rate = "2/1h"
count = "failures"
[limit.sliding]
key = "header.X-Name"
rate = "1/1h"
algorithm = "sliding"
[limit.quota]
key = "header.X-Name"
rate = "1/1d"
algorithm = "quota"
[limit.dear]
key = "header.X-Name"
rate = "5/1h"
[limit.own]
key = ["consumer", "header.X-Name"]
rate = "1/1h"
[limit.shadow]
key = "header.X-Name"
rate = "1/1h"
shadow = true
[consumer.beta]
keys = [{{ id = "k3", sha256 = "{sha256(LIMITED_KEY)}" }}]
limit = ["own"]
"""

    def good(self, name, target):
        own = {
            "both": lambda: [("x-api-key", KEY), *super(Calls, self).good("token", target)],
            "cookie": lambda: [("cookie", "session=" + Issuer().token(self.token_key))],
            "stored": lambda: [("x-api-key", "known")],
            "revocable": lambda: super(Calls, self).good("token", target),
            "own": lambda: [("x-api-key", LIMITED_KEY)],
        }
        return own[name]() if name in own else super().good(name, target)


@pytest.fixture(scope="module")
def world(shared_gateway, shared_upstream, shared_redis, authority, tmp_path_factory):
    one = Calls(shared_gateway, shared_upstream, shared_redis, authority, tmp_path_factory.mktemp("policies"))
    one.redis.ask("SET", name_of("known"), '{"id": "k2", "consumer": "acme"}')
    one.redis.ask("SET", "sluice:revoked:jti:gone", "")
    yield one
    one.stop()


def told(reply, code, as_grpc):
    """gives: whether it was refused with that status of gRPC, or what stands for it elsewhere"""
    if as_grpc:
        return reply.status == 200 and reply.get("grpc-status") == code and reply.body == b"" and reply.whole
    return reply.status == PLAIN_STATUS[code] and reply.get("grpc-status") is None


def served(reply, as_grpc):
    trailers = [("grpc-status", "0")] if as_grpc else []
    return reply.status == 200 and reply.body == (MESSAGE if as_grpc else b"hello") and reply.trailers == trailers


KINDS = pytest.mark.parametrize("as_grpc", [True, False], ids=["grpc", "stream"])


def fields_of(world, wrong):
    """gives: the fields themselves, or that of a token with these claims"""
    return [("authorization", "Bearer " + Issuer().token(world.token_key, **wrong))] if isinstance(wrong, dict) else wrong


# Refused with nothing, with these fields or with a token that has these claims; then the audit's decision is there too.
@KINDS
@pytest.mark.parametrize("name, wrong, code", [
    ("key", [], "16"), ("key", [("x-api-key", "slk_wrong")], "16"),
    ("token", [], "16"), ("token", [("authorization", "Bearer a.b.c")], "16"),
    ("password", [("authorization", "Basic YWxpY2U6bm8=")], "16"),
    ("signature", [], "16"), ("signature", [("signature", "sig=:AAAA:"), ("signature-input", 'sig=("@path")')], "16"),
    ("tools", [], "16"), ("tools", [("authorization", AWS_OF_NOBODY), ("x-amz-date", "20260101T000000Z")], "16"),
    ("opaque", [("authorization", "Bearer bad")], "16"),
    ("service", [], "16"), ("service", [("cookie", "user=bob")], "7"),
    ("rights", [("x-api-key", KEY)], "7"),
    ("denied", [], "7"),
    ("web", [("origin", APP)], "16"),
    ("both", [], "16"), ("both", [("x-api-key", KEY)], "16"), ("both", {}, "16"),
    ("both", [("x-api-key", KEY), ("authorization", "Bearer a.b.c")], "16"),
    ("cookie", [], "16"), ("cookie", [("cookie", "session=a.b.c")], "16"),
    ("stored", [], "16"), ("stored", [("x-api-key", "nobody")], "16"),
    ("revocable", [], "16"), ("revocable", {"jti": "gone"}, "16"),
])
def test_a_refusal_is_told_and_the_server_not_asked(world, name, wrong, code, as_grpc):
    before, method = len(world.behind.requests), f"Refused{code}{'Call' if as_grpc else ''}"
    with H2Client(world.gateway.port) as client:
        fields = [*(GRPC if as_grpc else []), *fields_of(world, wrong)]
        reply = client.ask("POST", f"/{name}.Service/{method}", fields, MESSAGE)
        assert told(reply, code, as_grpc), reply
        if name == "web":
            assert reply.get("access-control-allow-origin") == APP
        assert len(world.behind.requests) == before
        world.audited.append((name, method, "denied", int(code) if as_grpc else None))
        assert client.ask("GET", "/nowhere").status == 404      # the connection goes on


@KINDS
@pytest.mark.parametrize("name", ["key", "token", "password", "signature", "tools", "certificate", "opaque", "service",
                                  "web", "both", "cookie", "stored", "revocable"])
def test_the_right_credential_is_let_in(world, name, as_grpc):
    method = "ServedCall" if as_grpc else "Served"
    target = f"/{name}.Service/{method}"
    with world.client(name) as client:
        if name == "certificate":
            with H2Client(world.gateway.tls, tls=world.authority.client_context(alpn=("h2",))) as stranger:
                assert told(stranger.ask("POST", target, GRPC if as_grpc else [], MESSAGE), "16", as_grpc)
        reply = client.ask("POST", target, [*(GRPC if as_grpc else []), *world.good(name, target)], MESSAGE)
        assert served(reply, as_grpc), reply
    assert world.behind.requests[-1].get(":path") == target
    if name != "service":     # nobody is known by it
        world.audited.append((name, method, "allowed", 0 if as_grpc else None))


def assert_limited(world, client, name, fields, as_grpc, rule):
    """What is asked for next is refused by that limit, and the server not asked; then the audit log has why."""
    before, method = len(world.behind.requests), f"Limited{'Call' if as_grpc else ''}"
    reply = client.ask("POST", f"/{name}.Service/{method}", fields, MESSAGE)
    assert told(reply, "14", as_grpc) and int(reply.get("retry-after")) > 0, reply
    assert len(world.behind.requests) == before
    world.audited.append((name, method, "denied", 14 if as_grpc else None))
    world.ruled.append((name, method, rule))


@KINDS
@pytest.mark.parametrize("name, rule", [("rate", "few"), ("leased", "leased"), ("exact", "exact"), ("sliding", "sliding"),
                                        ("quota", "quota"), ("dear", "dear"), ("own", "own")])
def test_a_rate_is_kept(world, name, rule, as_grpc):
    target = f"/{name}.Service/A"
    with H2Client(world.gateway.port) as client:
        fields = [*(GRPC if as_grpc else []), ("x-name", f"{as_grpc}"), *world.good(name, target)]
        assert served(client.ask("POST", target, fields, MESSAGE), as_grpc)
        assert_limited(world, client, name, fields, as_grpc, rule)


@KINDS
def test_a_consumers_own_limit_is_nobody_elses(world, as_grpc):
    fields = [*(GRPC if as_grpc else []), ("x-name", f"{as_grpc}"), ("x-api-key", KEY)]
    with H2Client(world.gateway.port) as client:
        for _ in range(3):
            assert served(client.ask("POST", "/own.Service/A", fields, MESSAGE), as_grpc)


@KINDS
def test_guesses_are_counted(world, as_grpc):
    fields = [*(GRPC if as_grpc else []), ("x-name", f"{as_grpc}")]
    with H2Client(world.gateway.port) as client:
        for _ in range(3):
            assert served(client.ask("POST", "/guessed.Service/A", [*fields, ("x-api-key", KEY)], MESSAGE), as_grpc)
        for _ in range(2):
            assert told(client.ask("POST", "/guessed.Service/A", [*fields, ("x-api-key", "slk_guess")], MESSAGE), "16",
                        as_grpc)
        assert_limited(world, client, "guessed", [*fields, ("x-api-key", KEY)], as_grpc, "guesses")


@KINDS
def test_a_limit_in_shadow_refuses_nothing(world, as_grpc):
    def shadowed():
        return world.gateway.metric("sluice_limit_requests_total", limit="shadow", result="shadowed")
    before, fields = shadowed(), [*(GRPC if as_grpc else []), ("x-name", f"{as_grpc}")]
    with H2Client(world.gateway.port) as client:
        for _ in range(3):
            assert served(client.ask("POST", "/shadow.Service/A", fields, MESSAGE), as_grpc)
    wait_until(lambda: shadowed() == before + 2, "two would have been refused")


@KINDS
def test_a_concurrency_is_kept_until_the_stream_ends(world, as_grpc):
    fields = GRPC if as_grpc else []
    with H2Client(world.gateway.port) as client:
        before = len(world.behind.requests)
        client.begin("POST", "/busy.Service/Hang", fields)
        wait_until(lambda: len(world.behind.requests) == before + 1, "it is asked")
        assert_limited(world, client, "busy", fields, as_grpc, "one")
        client.h2.reset_stream(1)
        client.flush()
        assert served(client.ask("POST", "/busy.Service/A", fields, MESSAGE), as_grpc)


def test_a_preflight_over_http2_is_answered_before_credentials_are_asked_for(world):
    before = len(world.behind.requests)
    with H2Client(world.gateway.port) as client:
        reply = client.ask("OPTIONS", "/web.Service/A", [("origin", APP), ("access-control-request-method", "POST")])
    assert reply.status == 204 and reply.get("access-control-allow-origin") == APP
    assert len(world.behind.requests) == before


def test_all_of_it_is_audited(world):
    for name, method, decision, status in world.audited:
        def found():
            return [line for line in world.records(name, method) if line["decision"] == decision]
        records = wait_until(found, f"a record of {name} {method} {decision}")
        assert {line.get("grpc_status") for line in records} == {status}
        assert decision == "denied" or all(line["auth_method"] for line in records)
    for name, method, rule in world.ruled:
        assert {(line["policy"], line["rule"]) for line in world.records(name, method)} == {("limit", rule)}

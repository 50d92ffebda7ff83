"""Every policy holds for the handshake of a WebSocket as it does for a request, over HTTP/1.1 and over HTTP/2: refused
with a status, the server behind not reached; let through with the right credential, and what a client says while a
policy still waits is not lost."""
import json
import shutil

import pytest
from support.client import Client, ask, request
from support.h2_client import H2Client
from support.h2_websocket import Tunnel, ask_for_socket
from support.issuer import Issuer
from support.timing import wait_until
from support.websocket import TEXT, Socket, echo, frame, handshake, opened
from test_api_keys import KEY
from test_basic import HASH, basic
from test_credential_stores import name_of
from test_plugins import EXAMPLE
from test_policies_over_http2 import APP, AWS_OF_NOBODY, ROUTES, World

pytestmark = pytest.mark.threads


class Sockets(World):
    """The same routes for WebSockets, and those of which only a WebSocket asks more."""
    ROUTES = {
        **ROUTES,
        "outside": 'auth = "none"\nallow_ips = ["203.0.113.0/24"]',
        "stored": 'auth = ["stored"]',
        "roomy": 'auth = "none"\nlimit = ["roomy", "roomy_exact"]',
        "headed": 'auth = ["partners"]\nsecurity_headers = "api-strict"',
        "guessed": 'auth = ["partners"]\nlimit = ["guesses"]',
        "versions": 'auth = "none"\nplugins = ["versions"]',
        "mine": 'auth = ["partners"]\nlimit = ["mine"]',
        "cookie": 'auth = ["pages"]',
        "both": 'auth = { all = ["partners", "customers"] }',
        "sliding": 'auth = "none"\nlimit = ["sliding"]',
        "quota": 'auth = "none"\nlimit = ["quota"]',
        "named": 'auth = ["partners", "customers"]\n[route.named.headers.request]\n'
                 'set = { X-Subject = "{identity}", X-Consumer = "{consumer}" }',
    }
    MATCH, PROTOCOL, LISTEN = ', upgrade = "websocket"', "h1", 'protocols = ["h1", "h2c"]'
    METHOD, BODY = "GET", None

    def serve(self, upstream):
        def script(connection, asked):
            if asked.target.endswith("/Hang"):
                return connection.wait_for_end()
            return opened(echo)(connection, asked)
        script.early = True
        return upstream(script)

    def more(self, folder):
        (folder / "users").write_text("".join(f"{name}:{HASH}\n" for name in ("alice", *CLIENTS)))
        shutil.copy(EXAMPLE, folder)
        return f"""
[limit.guesses]
key = "header.X-Name"
rate = "2/1h"
burst = 2
count = "failures"
[auth.stored]
type = "api_key"
store = "main"
[limit.roomy]
key = "ip"
rate = "100/1h"
store = "main"
[limit.roomy_exact]
key = "ip"
rate = "100/1h"
store = "main"
exact = true
[limit.mine]
key = "consumer"
rate = "1/1h"
[limit.sliding]
key = "header.X-Name"
rate = "1/1h"
algorithm = "sliding"
[limit.quota]
key = "header.X-Name"
rate = "1/30d"
algorithm = "quota"
[auth.pages]
type = "jwt"
issuer = "https://id.example"
audience = "orders"
jwks_file = "{folder}/set.json"
cookie = "session"
[plugin.versions]
file = "{folder}/{EXAMPLE.name}"
settings = {{ supported = "1 2", default = "2", header = "Accept-Version" }}
"""

    def good(self, name, target):
        return {
            "web": lambda: [("X-Api-Key", KEY), ("Origin", APP)],
            "stored": lambda: [("X-Api-Key", "known")],
            "both": lambda: [*super(Sockets, self).good("key", target), *super(Sockets, self).good("token", target)],
            "cookie": lambda: [("Cookie", f"theme=dark; session={Issuer().token(self.token_key)}; lang=en")],
        }.get(name, lambda: super(Sockets, self).good(name, target))()

    def in_flight(self, name):
        """gives: how many requests and sockets of that route there are"""
        return ask(self.gateway.control_path, target=f"/connections?route={name}").json()["found"]


CLIENTS = ["h1", "h2"]
EACH = pytest.mark.parametrize("client", CLIENTS)


@pytest.fixture(scope="module")
def world(shared_gateway, shared_upstream, shared_redis, authority, tmp_path_factory):
    one = Sockets(shared_gateway, shared_upstream, shared_redis, authority, tmp_path_factory.mktemp("sockets"))
    for key in ("known", *CLIENTS):
        one.redis.ask("SET", name_of(key), '{"id": "k2", "consumer": "acme"}')
    one.redis.ask("SET", name_of("broken"), "{")
    return one


class Asked(Socket):
    """A handshake that was sent, with what follows it; what becomes of it is read when asked for."""

    def __init__(self, world, client, target, fields=(), behind=b"", tls=False, pair=None):
        port = world.gateway.tls if tls else world.gateway.port
        protocol = "http/1.1" if client == "h1" else "h2"
        context = world.authority.client_context(alpn=(protocol,), pair=pair) if tls else None
        if client == "h1":
            self.outer = Client(port, tls=context)
            self.outer.send(request("GET", target, [*handshake(), *fields]) + behind)
            super().__init__(self.outer, masks=True)
            return
        self.outer = H2Client(port, tls=context)
        stream = ask_for_socket(self.outer, target, [(name.lower(), value) for name, value in fields])
        super().__init__(Tunnel(self.outer, stream), masks=True)
        if behind:
            self.connection.send(behind)

    def answer(self):
        """gives: the response, whole unless a socket has opened"""
        if isinstance(self.connection, Client):
            return self.outer.response()
        self.outer.wait(lambda: self.connection.reply.headers, "the answer")
        if self.connection.reply.status != 200:
            self.outer.finish(self.connection.stream)
        return self.connection.reply

    def open(self):
        """`opening` is the response then"""
        self.opening = self.answer()
        assert self.opening.status == (101 if isinstance(self.connection, Client) else 200), self.opening.body
        return self

    def refused(self):
        """gives: (status, code)"""
        reply = self.answer()
        return reply.status, json.loads(reply.body)["code"]

    def end(self):
        self.close(4000)
        assert self.close_code() == (4000, "")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.outer.socket.close()


@EACH
@pytest.mark.parametrize("name, wrong, status, code", [
    ("key", [], 401, "credentials_missing"), ("key", [("X-Api-Key", "slk_wrong")], 401, "api_key_unknown"),
    ("token", [], 401, "credentials_missing"), ("token", [("Authorization", "Bearer a.b.c")], 401, "token_malformed"),
    ("cookie", [], 401, "credentials_missing"), ("cookie", [("Cookie", "session=a.b.c")], 401, "token_malformed"),
    ("both", [("X-Api-Key", KEY)], 401, "credentials_missing"),
    ("both", [("X-Api-Key", KEY), ("Authorization", "Bearer a.b.c")], 401, "token_malformed"),
    ("password", [], 401, "credentials_missing"), ("password", [basic("alice", "no")], 401, "password_refused"),
    ("signature", [], 401, "credentials_missing"),
    ("signature", [("Signature", "sig=:AAAA:"), ("Signature-Input", 'sig=("@path")')], 401, "signature_key_unknown"),
    ("tools", [], 401, "credentials_missing"),
    ("tools", [("Authorization", AWS_OF_NOBODY), ("X-Amz-Date", "20260101T000000Z")], 401, "signature_key_unknown"),
    ("certificate", [], 401, "credentials_missing"),
    ("opaque", [], 401, "credentials_missing"), ("opaque", [("Authorization", "Bearer bad")], 401, "token_inactive"),
    ("service", [], 401, "authorizer_unauthorized"), ("service", [("Cookie", "user=bob")], 403, "authorizer_forbidden"),
    ("stored", [("X-Api-Key", "nobody")], 401, "api_key_unknown"),
    ("stored", [("X-Api-Key", "broken")], 503, "credential_store_unavailable"),
    ("rights", [("X-Api-Key", KEY)], 403, "not_allowed"),
    ("denied", [], 403, "address_denied"), ("outside", [], 403, "address_denied"),
    ("web", [("Origin", APP)], 401, "credentials_missing"),
    ("web", [("Origin", "https://evil.example"), ("X-Api-Key", KEY)], 403, "origin_denied"),
])
def test_a_refusal_is_told_and_the_server_not_asked(world, client, name, wrong, status, code):
    before, method = len(world.behind.requests), f"Refused-{client}-{code}"
    early = frame(TEXT, "early", b"mask")
    with Asked(world, client, f"/{name}.Service/{method}", wrong, early, tls=name == "certificate") as socket:
        assert socket.refused() == (status, code)
    world.audited.append((name, method, [("denied", status, code, None)]))
    assert len(world.behind.requests) == before


@EACH
@pytest.mark.parametrize("name", ["key", "token", "password", "signature", "tools", "certificate", "opaque", "stored",
                                  "service", "web", "cookie", "both"])
def test_the_right_credential_opens_one_and_both_its_ends_are_audited(world, client, name):
    method = f"Served-{client}"
    target = f"/{name}.Service/{method}"
    secure = {"tls": True, "pair": world.pair} if name == "certificate" else {}
    with Asked(world, client, target, world.good(name, target), **secure).open() as socket:
        assert socket.send("x").message() == b"x"
        assert socket.opening.get("access-control-allow-origin") == (APP if name == "web" else None)
        asked = world.behind.requests[-1]
        assert asked.target == target and not {"x-api-key", "authorization", "signature"} & set(asked.names())
        assert name != "cookie" or asked.all("Cookie") == ["theme=dark; lang=en"]
        socket.end()
    status = 101 if client == "h1" else 200
    if name != "service":   # nobody is known by it
        world.audited.append((name, method, [("allowed", status, None, None), ("allowed", status, None, 4000)]))


@EACH
def test_of_all_that_are_asked_for_none_is_enough(world, client):
    before = len(world.behind.requests)
    for name in ("token", "key"):
        with Asked(world, client, "/both.Service/One", world.good(name, "/both.Service/One")) as socket:
            assert socket.refused() == (401, "credentials_missing")
    assert len(world.behind.requests) == before


@EACH
@pytest.mark.parametrize("name, told", [("key", {"X-Subject": ["acme"], "X-Consumer": ["acme"]}),
                                        ("token", {"X-Subject": ["alice"], "X-Consumer": []})])
def test_who_asks_is_told_by_the_gateway_alone(world, client, name, told):
    target = "/named.Service/A"
    names = ("X-Consumer", "x_consumer", "X-CONSUMER", "X-Subject", "x_subject", "X-SUBJECT")
    spoofed = [(field, "root") for field in names]
    with Asked(world, client, target, [*spoofed, *world.good(name, target), *spoofed]).open() as socket:
        assert socket.send("x").message() == b"x"
    asked = world.behind.requests[-1]
    assert {field: asked.all(field) for field in told} == told
    assert b"root" not in asked.head


@EACH
@pytest.mark.parametrize("name", ["rate", "leased", "exact", "sliding", "quota"])
def test_a_rate_is_kept(world, client, name):
    target, fields = f"/{name}.Service/A", [("X-Name", client)]
    with Asked(world, client, target, fields) as socket:
        socket.open()
        before = len(world.behind.requests)
        with Asked(world, client, target, fields) as other:
            assert other.refused() == (429, "rate_limited")
        assert socket.send("x").message() == b"x"
    assert len(world.behind.requests) == before


@EACH
def test_a_signature_is_for_its_path_and_passes_once(world, client):
    fields = world.good("signature", "/signature.Service/Once")
    for method, code in (("Other", "signature_invalid"), ("Once", None), ("Once", "signature_replayed")):
        with Asked(world, client, f"/signature.Service/{method}", fields) as socket:
            assert socket.refused() == (401, code) if code else socket.open()


@EACH
def test_guesses_are_counted(world, client):
    name, guess = ("X-Name", client), ("X-Api-Key", "slk_guess")
    for expected in ((401, "api_key_unknown"), (401, "api_key_unknown"), (429, "rate_limited")):
        with Asked(world, client, "/guessed.Service/A", [name, guess]) as socket:
            assert socket.refused() == expected
    with Asked(world, client, "/guessed.Service/A", [("X-Name", "other"), ("X-Api-Key", KEY)]) as socket:
        socket.open()


@EACH
def test_a_concurrency_counts_sockets_that_open_and_those_that_are_open(world, client):
    wait_until(lambda: world.in_flight("busy") == 0, "the other client's socket has ended")
    before = len(world.behind.requests)
    with Asked(world, client, "/busy.Service/Hang") as hangs:
        wait_until(lambda: len(world.behind.requests) == before + 1, "it is asked")
        with Asked(world, client, "/busy.Service/A") as socket:
            assert socket.refused() == (429, "too_many_in_flight")
        hangs.connection.reset()
    wait_until(lambda: world.in_flight("busy") == 0, "it has gone")
    with Asked(world, client, "/busy.Service/A").open() as one:
        assert one.send("1").message() == b"1"
        with Asked(world, client, "/busy.Service/B") as other:
            assert other.refused() == (429, "too_many_in_flight")
    wait_until(lambda: world.in_flight("busy") == 0, "it has ended")
    with Asked(world, client, "/busy.Service/B").open() as other:
        assert other.send("2").message() == b"2"


@EACH
def test_the_answer_has_security_headers(world, client):
    for fields in ([("X-Api-Key", KEY)], []):
        with Asked(world, client, "/headed.Service/A", fields) as socket:
            reply = socket.answer()
            assert (reply.status < 300) == bool(fields)
            assert reply.get("x-content-type-options") == "nosniff" and reply.get("cache-control") == "no-store"


@EACH
def test_a_plugin_judges_and_marks_handshakes(world, client):
    before = len(world.behind.requests)
    with Asked(world, client, "/versions.Service/A", [("Accept-Version", "7")]) as socket:
        assert socket.answer().status == 406
    assert len(world.behind.requests) == before
    with Asked(world, client, "/versions.Service/A", [("Accept-Version", "1")]) as socket:
        assert socket.open().opening.get("x-api-version") == "1"
        assert socket.send("x").message() == b"x"
    asked = world.behind.requests[-1]
    assert asked.get("X-Api-Version") == "1" and not asked.has("Accept-Version")


def gates(world):
    """{route: (stops what its policy waits for, lets it go on)}; a password waits for its own hash alone."""
    return {"opaque": (world.introspector.open.clear, world.introspector.open.set),
            "service": (world.decider.open.clear, world.decider.open.set),
            "stored": (world.redis.freeze, world.redis.thaw), "roomy": (world.redis.freeze, world.redis.thaw)}


@EACH
@pytest.mark.parametrize("name", ["opaque", "service", "password", "stored", "roomy"])
def test_what_is_said_while_a_policy_waits_is_not_lost(world, client, name):
    world.introspector.tokens[f"new-{client}"] = {"active": True, "sub": "alice"}
    fields = {"opaque": [("Authorization", f"Bearer new-{client}")], "service": [("Cookie", "user=alice")],
              "password": [basic(client, "U*U")], "stored": [("X-Api-Key", client)]}.get(name, [])
    stop, go_on = gates(world).get(name, (None, None))
    if stop:
        stop()
    try:
        with Asked(world, client, f"/{name}.Service/Early", fields, frame(TEXT, "early", b"mask")) as socket:
            if stop:
                wait_until(lambda: world.in_flight(name) == 1, "it waits")
                go_on()
            socket.open()
            assert socket.message() == b"early"
            assert socket.send("late").message() == b"late"
            socket.end()
    finally:
        if stop:
            go_on()


def test_all_of_it_is_audited(world):
    """One record of what was refused, two of what opened: at its beginning and at its end."""
    key = [("X-Api-Key", KEY)]
    sockets = [Asked(world, client, f"/key.Service/Open-{client}", key).open() for client in CLIENTS]
    for socket in sockets:
        assert socket.send("x").message() == b"x"
    with Asked(world, "h1", "/mine.Service/A", key).open(), Asked(world, "h1", "/mine.Service/Limited", key) as other:
        assert other.refused() == (429, "rate_limited")
    world.audited.append(("mine", "Limited", [("denied", 429, "rate_limited", None)]))
    for name, method, expected in world.audited:
        records = wait_until(lambda: len(found := world.records(name, method)) >= len(expected) and found,
                             f"{len(expected)} records of {name} {method}")
        told = [(line["decision"], line["status"], line.get("problem"), line.get("close_code")) for line in records]
        assert told == expected
        assert len({(line["request_id"], line.get("auth_method")) for line in records}) == 1
    limited, = world.records("mine", "Limited")
    assert (limited["policy"], limited["rule"]) == ("limit", "mine")
    for client, socket in zip(CLIENTS, sockets):
        first, = world.records("key", f"Open-{client}")     # it has had its record, and no other yet
        assert "closed" not in first and (first["request_bytes"], first["response_bytes"]) == (0, 0)
        socket.end()
        socket.outer.socket.close()
        last = wait_until(lambda: world.records("key", f"Open-{client}")[1:], "the record of its end")[0]
        assert (last["closed"], last["close_code"], last["consumer"]) == ("client", 4000, "acme")
        assert (last["request_bytes"], last["response_bytes"]) == (6 + 1 + 6 + 2, 2 + 1 + 2 + 2)
        assert last["duration_ms"] > 0 and last["seq"] > first["seq"]

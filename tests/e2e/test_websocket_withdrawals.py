"""What let an open socket in is taken back where only a question shows it, in a Redis or at an issuer: the socket ends
within a second. Where nobody answers it stays. Of what stands in files see test_websocket_ends.py. Where several are asked
for, the first that ends or is taken back ends the socket."""
import hashlib
import json
import time

import pytest
from support.client import Client
from support.gateway import settings
from support.h2_websocket import H2WebSocket
from support.issuer import Issuer, Key, key_set
from support.redis import Redis
from support.timing import SLOW, wait_until
from support.upstream import Upstream
from support.websocket import WebSocket, echo, handshake, opened
from test_credential_stores import name_of
from test_introspection import Introspector

pytestmark = pytest.mark.threads
CACHE_FOR = 2      # seconds
OF_EACH_KIND = 4   # over HTTP/1.1 and HTTP/2: some on either worker


class World:
    """A gateway of two workers with a route for sockets at /NAME for each [auth.NAME]."""

    def __init__(self, start, folder):
        self.redis, self.key, self.behind = Redis(folder / "redis"), Key(folder, "k1"), Upstream(opened(echo))
        self.introspector = Introspector()
        self.issuer = Upstream(self.introspector)
        (folder / "set.json").write_text(key_set(self.key))
        (folder / "secret").write_text("s3cret\n")
        self.file = folder / "keys.jsonl"
        self.file.write_text("")
        routes = "".join(f'[route.{name}]\nmatch = {{ path = "/{name}", upgrade = "websocket" }}\nupstream = "main"\n'
                         f'auth = {auth}\n{more}\n' for name, auth, more in
                         (("keys", '["keys"]', ""), ("tokens", '["tokens"]', ""), ("opaque", '["opaque"]', ""),
                          ("kept", '["keys"]', 'websocket = { on_expiry = "keep" }'),
                          ("both", '{ all = ["tokens", "filed"] }', ""), ("htob", '{ all = ["filed", "tokens"] }', ""),
                          ("ticket", '["tickets"]', ""), ("more", '{ all = ["tickets", "keys"] }', "")))
        self.gateway = start(settings(server="workers = 2", listen='protocols = ["h1", "h2c"]', more=f"""
[upstream.main]
servers = ["{self.behind.address}"]
[redis.main]
url = "redis://127.0.0.1:{self.redis.port}"
[auth.keys]
type = "api_key"
store = "main"
[auth.tokens]
type = "jwt"
issuer = "https://id.example"
audience = "orders"
store = "main"
jwks_file = "{folder}/set.json"
[auth.opaque]
type = "introspection"
url = "http://{self.issuer.address}/introspect"
client_id = "gateway"
client_secret = {{ secret = "file:{folder}/secret" }}
cache_for = "{CACHE_FOR}s"
[auth.filed]
type = "api_key"
header = "X-Filed-Key"
store = "file:{self.file}"
[auth.tickets]
type = "ticket"
query = "ticket"
[route.issue]
match = {{ path = "/issue", methods = ["POST"] }}
auth = {{ all = ["tokens", "filed"] }}
ticket = "tickets"
[route.issue_opaque]
match = {{ path = "/issue/opaque", methods = ["POST"] }}
auth = ["opaque"]
ticket = "tickets"
{routes}
"""))
        self.gateway.wait_for_metric(1, "sluice_redis_up", redis="main")

    def open(self, name, *fields):
        port, path = self.gateway.port, f"/{name}"
        sockets = [make(port, path, fields) for _ in range(OF_EACH_KIND) for make in (WebSocket, H2WebSocket)]
        assert_open(sockets)
        return sockets

    def keys(self, *names):
        for name in names:
            self.redis.ask("SET", name_of(name), json.dumps({"id": name, "consumer": "acme"}))

    def file_holds(self, *names):
        lines = ({"sha256": hashlib.sha256(name.encode()).hexdigest(), "id": name, "consumer": "acme"} for name in names)
        self.file.write_text("".join(json.dumps(line) + "\n" for line in lines))

    def with_ticket(self, *fields, at="/issue"):
        """A socket for each kind of connection, with tickets that were issued for `fields`, without and with another
        credential beside it."""
        sockets = []
        for make in (WebSocket, H2WebSocket):
            for path, more in (("ticket", []), ("more", [("X-Api-Key", "beside")])):
                with Client(self.gateway.port) as client:
                    response = client.ask("POST", at, fields)
                sockets.append(make(self.gateway.port, f"/{path}?ticket={response.json()['ticket']}", more))
        assert_open(sockets)
        return sockets

    def token(self, **claims):
        return "Authorization", f"Bearer {Issuer().token(self.key, **claims)}"


def assert_open(sockets):
    for socket in sockets:
        assert socket.send("x").message() == b"x"


def end(sockets):
    for socket in sockets:
        (socket.client.socket if isinstance(socket, H2WebSocket) else socket.connection.socket).close()


def assert_revoked(sockets, since):
    for socket in sockets:
        assert socket.close_code() == (1008, "credential revoked")
    assert time.monotonic() - since < 1 * SLOW
    end(sockets)


@pytest.fixture(scope="module")
def world(shared_gateway, tmp_path_factory):
    one = World(shared_gateway, tmp_path_factory.mktemp("withdrawals"))
    yield one
    for server in (one.behind, one.issuer):
        server.stop()
    one.redis.kill()


def test_a_key_that_is_no_more_in_redis_ends_its_sockets_and_no_others(world):
    world.keys("goes", "ends", "stays")
    goes, ends, stays, kept = (world.open(*route) for route in (
        ("keys", ("X-Api-Key", "goes")), ("keys", ("X-Api-Key", "ends")), ("keys", ("X-Api-Key", "stays")),
        ("kept", ("X-Api-Key", "goes"))))
    time.sleep(1.5)   # all have been asked about
    for sockets, change in ((goes, ("DEL", name_of("goes"))),
                            (ends, ("SET", name_of("ends"), json.dumps(
                                {"id": "ends", "consumer": "acme", "expires": "2020-01-01"})))):
        since = time.monotonic()
        world.redis.ask(*change)
        assert_revoked(sockets, since)
    assert_open([*stays, *kept])
    end([*stays, *kept])
    codes = [1008] * len(goes + ends)
    wait_until(lambda: [one["close_code"] for one in world.gateway.access_log() if one.get("closed") == "revoked"] == codes,
               "the log says so")


@pytest.mark.parametrize("revoke", [
    lambda: ("sluice:revoked:jti:t1", ""), lambda: ("sluice:revoked:sub:alice", str(int(time.time()) + 60)),
], ids=["jti", "sub"])
def test_a_token_that_redis_calls_revoked_ends_its_sockets_and_no_others(world, revoke):
    name, value = revoke()
    goes = world.open("tokens", world.token(jti="t1" if "jti" in name else "t2", sub="alice"))
    stays = world.open("tokens", world.token(jti="stays", sub="bob"))
    older = world.open("tokens", world.token(jti="older", sub="carol"))
    nameless = world.open("tokens", world.token(sub=None))   # has nothing by which it could be revoked
    world.redis.ask("SET", "sluice:revoked:sub:carol", str(int(time.time()) - 600))   # issued since
    since = time.monotonic()
    world.redis.ask("SET", name, value)
    assert_revoked(goes, since)
    world.redis.ask("DEL", name)
    assert_open([*stays, *older, *nameless])
    end([*stays, *older, *nameless])


def test_without_redis_sockets_stay_and_end_when_it_is_back_and_says_so(world):
    world.keys("goes", "stays")
    goes, stays = (world.open("keys", ("X-Api-Key", name)) for name in ("goes", "stays"))
    tokens = world.open("tokens", world.token(jti="stays", sub="bob"))
    for away, back in ((world.redis.freeze, world.redis.thaw), (world.redis.kill, world.redis.start)):
        away()
        time.sleep(2.5)   # several times their turn
        assert_open([*goes, *stays, *tokens])
        back()
        world.keys("goes", "stays")
        world.gateway.wait_for_metric(1, "sluice_redis_up", redis="main")
        assert_open([*stays, *tokens])
    world.redis.ask("DEL", name_of("goes"))
    for socket in goes:
        assert socket.close_code() == (1008, "credential revoked")
    assert_open([*stays, *tokens])
    end([*goes, *stays, *tokens])


def test_redis_is_asked_once_for_all_sockets_of_a_credential(world):
    world.keys("one")
    sockets = world.open("keys", ("X-Api-Key", "one"))
    gets = [calls(world.redis)]
    for _ in range(2):
        time.sleep(1.5)
        gets.append(calls(world.redis))
    for before, after in zip(gets, gets[1:]):
        assert 1 <= after - before <= 2 * 3   # two workers, every 750 ms
    end(sockets)
    wait_until(lambda: still(world.redis), "nobody is asked about who has gone")


def bearer(token):
    return "Authorization", f"Bearer {token}"


def test_a_token_that_its_issuer_calls_inactive_ends_its_sockets_and_no_others(world):
    tokens, asked = world.introspector.tokens, world.introspector.asked
    names = ("goes-away", "stays-here")
    tokens.update({name: {"active": True, "sub": "alice"} for name in names})
    world.keys("beside")
    goes, stays = ([*world.open("opaque", bearer(name)), *world.with_ticket(bearer(name), at="/issue/opaque")] for name in names)
    time.sleep(2 * CACHE_FOR)
    assert_open([*goes, *stays])
    tokens["goes-away"] = {"active": False}
    since = time.monotonic()
    for socket in goes:
        assert socket.close_code() == (1008, "credential revoked")
    assert time.monotonic() - since < CACHE_FOR + 1 * SLOW
    end(goes)
    began, before = time.monotonic(), len(asked)
    time.sleep(2 * CACHE_FOR)
    lasted = time.monotonic() - began
    of_it = [token for token, _ in asked[before:]]
    assert set(of_it) == {"stays-here"} and len(of_it) <= 2 * (lasted / CACHE_FOR + 1)   # two workers
    assert_open(stays)
    end(stays)
    logs = "".join((world.gateway.folder / name).read_text() for name in ("access.log", "error.log"))
    assert not any(name in logs for name in names)


def test_a_token_is_asked_about_that_only_a_ticket_stands_for(world):
    tokens, asked = world.introspector.tokens, world.introspector.asked
    tokens["by-ticket"] = {"active": True, "sub": "alice"}
    world.keys("beside")
    sockets = world.with_ticket(bearer("by-ticket"), at="/issue/opaque")
    before = len(asked)
    time.sleep(2 * CACHE_FOR)
    assert {token for token, _ in asked[before:]} == {"by-ticket"}
    del tokens["by-ticket"]
    since = time.monotonic()
    for socket in sockets:
        assert socket.close_code() == (1008, "credential revoked")
    assert time.monotonic() - since < CACHE_FOR + 1 * SLOW


def test_while_the_issuer_says_nothing_of_use_sockets_stay(world):
    introspector = world.introspector
    introspector.tokens.update({f"t{i}": {"active": True, "sub": "alice"} for i in range(20)})
    sockets = [WebSocket(world.gateway.port, "/opaque", [bearer(f"t{i}")]) for i in range(20)]
    introspector.status = 500
    time.sleep(CACHE_FOR + 1)
    before = len(introspector.asked)
    time.sleep(2)
    assert 1 <= len(introspector.asked) - before <= 2 * 2 * 21   # one at a time on each worker, every 50 ms at most
    assert_open(sockets)
    introspector.status = 200
    time.sleep(2 * CACHE_FOR)
    assert_open(sockets)
    del introspector.tokens["t7"]
    assert sockets.pop(7).close_code() == (1008, "credential revoked")
    assert_open(sockets)
    end(sockets)


def token_is_revoked(world):
    world.redis.ask("SET", "sluice:revoked:jti:token_is_revoked", "")
    return "credential revoked"


def key_is_withdrawn(world):
    world.file_holds("stays")
    return "credential revoked"


def token_expires(world):
    time.sleep(max(0, world.expires - time.time()))
    return "credential expired"


@pytest.mark.parametrize("happens", [token_is_revoked, key_is_withdrawn, token_expires])
def test_of_several_credentials_the_first_to_go_ends_the_sockets(world, happens):
    world.file_holds("goes", "stays")
    world.keys("beside")
    wait_until(lambda: world.gateway.ask("GET", "/both", [*handshake(), ("X-Filed-Key", "goes"), world.token(jti="x")]).status == 101,
               "the key is known")
    world.expires = int(time.time()) + 5
    claims = {"exp": world.expires} if happens is token_expires else {}
    goes, stays = ((world.token(**told), ("X-Filed-Key", key)) for told, key in
                   (({"jti": happens.__name__, **claims}, "goes"), ({"jti": "stays"}, "stays")))
    doomed = [*world.open("both", *goes), *world.open("htob", *goes), *world.with_ticket(*goes)]
    kept = [*world.open("both", *stays), *world.open("htob", *stays), *world.with_ticket(*stays)]
    began = time.monotonic()
    reason = happens(world)
    since = time.monotonic() if happens is token_expires else began
    for socket in doomed:
        assert socket.close_code() == (1008, reason)
    assert time.monotonic() - since < 1 * SLOW
    assert_open(kept)
    end([*doomed, *kept])


def calls(redis):
    line = next(line for line in redis.ask("INFO", "commandstats").splitlines() if line.startswith("cmdstat_get:"))
    return int(line.split("calls=")[1].split(",")[0])


def still(redis):
    before = calls(redis)
    time.sleep(1)
    return calls(redis) == before

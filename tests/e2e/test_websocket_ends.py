"""An open socket ends within a second of the end of what let it in, whichever kind of credential that was, and of its
being taken back; see test_websocket.py for tokens, test_mtls.py for certificates."""
import datetime
import json
import time

import pytest
from support.gateway import settings
from support.signing import Key, signed
from support.timing import SLOW, wait_until
from support.upstream import Upstream
from support.websocket import WebSocket, echo, opened
from test_api_keys import line, sha256
from test_basic import ARGON2, HASH, basic
from test_introspection import Introspector

pytestmark = pytest.mark.threads
ROUTES = ("partners", "legacy", "opaque", "bank", "named")


class World:
    """A gateway with a route for sockets at /NAME for each [auth.NAME]."""

    def __init__(self, start, upstream, folder):
        self.folder = folder
        self.keys, self.users, self.signing = folder / "keys.jsonl", folder / "users", Key("k-bank", "hmac-sha256")
        self.introspector = Introspector()
        self.behind, self.issuer = Upstream(opened(echo)), upstream(self.introspector)
        (folder / "secret").write_text("s3cret\n")
        self.keys.write_text("")
        self.users.write_text(f"alice:{HASH}\nbob:{HASH}\ncarol:{HASH}\n")
        self.gateway = start(self.config())

    def config(self, signing="", named=("one", "two")):
        routes = "".join(f'[route.{name}]\nmatch = {{ path = "/{name}", upgrade = "websocket" }}\nupstream = "main"\n'
                         f'auth = ["{name}"]\n' for name in ROUTES)
        keys = ", ".join(f'{{ id = "{name}", sha256 = "{sha256(name)}" }}' for name in named)
        return settings(server="workers = 2", more=f"""
[upstream.main]
servers = ["{self.behind.address}"]
{routes}
[consumer.acme]
signing_keys = [{self.signing.entry(self.folder, signing)}]
keys = [{keys}]
[auth.named]
type = "api_key"
[auth.partners]
type = "api_key"
store = "file:{self.keys}"
[auth.legacy]
type = "basic"
file = "{self.users}"
[auth.bank]
type = "signature"
[auth.opaque]
type = "introspection"
url = "http://{self.issuer.address}/introspect"
client_id = "gateway"
client_secret = {{ secret = "file:{self.folder}/secret" }}
""")

    def open(self, name, *fields):
        socket = WebSocket(self.gateway.port, f"/{name}", fields)
        assert socket.send("x").message() == b"x"
        return socket

    def know(self, *keys):
        """Puts them into the file, for whoever is asked from now on."""
        self.keys.write_text("".join(keys))
        last = [("X-Api-Key", json.loads(keys[-1])["id"])]
        wait_until(lambda: self.gateway.ask("GET", "/partners", last).status == 426, "the last one is known")


@pytest.fixture(scope="module")
def world(shared_gateway, shared_upstream, tmp_path_factory):
    one = World(shared_gateway, shared_upstream, tmp_path_factory.mktemp("ends"))
    yield one
    one.behind.stop()


def test_every_kind_of_credential_that_expires_ends_its_socket(world):
    end = int(time.time()) + 2 * SLOW
    at = datetime.datetime.fromtimestamp(end, datetime.timezone.utc)
    world.gateway.reload(world.config(signing=f", expires = {at:%Y-%m-%dT%H:%M:%SZ}"))
    world.know(line("ends", id="ends", expires=f"{at:%Y-%m-%dT%H:%M:%SZ}"), line("stays", id="stays"))
    world.introspector.tokens["ends"] = {"active": True, "sub": "alice", "exp": end}
    sockets = {
        "partners": world.open("partners", ("X-Api-Key", "ends")),
        "opaque": world.open("opaque", ("Authorization", "Bearer ends")),
        "bank": world.open("bank", *signed(world.signing, target="/bank")),
    }
    stays = world.open("partners", ("X-Api-Key", "stays"))
    for name, socket in sockets.items():
        assert socket.close_code() == (1008, "credential expired"), name
        assert end - 0.1 <= time.time() <= end + 1 * SLOW, name
    assert stays.send("x").message() == b"x"
    for socket in (stays, *sockets.values()):
        socket.connection.socket.close()


def remove_key(world):
    world.keys.write_text(line("two", id="two"))


def remove_user(world):
    world.users.write_text(f"bob:{HASH}\n")


def change_password(world):
    world.users.write_text(f"alice:{HASH}\nbob:{HASH}\ncarol:{ARGON2}\n")


def remove_consumers_key(world):
    world.gateway.reload(world.config(named=("two",)))


@pytest.mark.parametrize("name, goes, stays, remove, told", [
    ("partners", ("X-Api-Key", "one"), ("X-Api-Key", "two"), remove_key, (1008, "credential revoked")),
    ("legacy", basic("carol", "U*U"), basic("bob", "U*U"), change_password, (1008, "credential revoked")),
    ("legacy", basic("alice", "U*U"), basic("bob", "U*U"), remove_user, (1008, "credential revoked")),
    ("named", ("X-Api-Key", "one"), None, remove_consumers_key, (1012, "configuration changed")),
])
def test_a_credential_that_is_taken_back_ends_its_socket(world, name, goes, stays, remove, told):
    world.know(line("one", id="one"), line("two", id="two"))
    one, other = world.open(name, goes), stays and world.open(name, stays)
    began = time.monotonic()
    remove(world)
    assert one.close_code() == told
    assert time.monotonic() - began < 1 * SLOW
    if other:
        assert other.send("x").message() == b"x"
        other.connection.socket.close()
    one.connection.socket.close()

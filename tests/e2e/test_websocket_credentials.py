"""Credentials of pages, which can set no field of a WebSocket's handshake: among the subprotocols, and tickets."""
import hashlib
import threading
import time

import pytest
from support.client import Client, request
from support.gateway import run_command, settings
from support.h2_client import H2Client
from support.h2_websocket import H2WebSocket, ask_for_socket
from support.issuer import Issuer, Key, key_set
from support.problem import assert_problem
from support.timing import SLOW, wait_until
from support.upstream import Upstream
from support.websocket import Socket, WebSocket, echo, handshake, switching

pytestmark = pytest.mark.threads
PROTOCOL = "Sec-WebSocket-Protocol"


def sha256(key):
    return hashlib.sha256(key.encode()).hexdigest()


def config(behind, tmp_path, store="", redis="", lifetime="30s", more=""):
    return settings(server="workers = 2", listen='protocols = ["h1", "h2c"]', log_access="query = true", more=f"""
{redis}
[auth.customers]
type = "jwt"
issuer = "https://id.example"
audience = "orders"
jwks_file = "{tmp_path}/set.json"
subprotocol = "bearer"
[auth.partners]
type = "api_key"
subprotocol = "key"
store = "file:{tmp_path}/keys.jsonl"
[auth.sockets]
type = "ticket"
query = "ticket"
subprotocol = "ticket"
lifetime = "{lifetime}"
{store}
[upstream.main]
servers = ["{behind.address}"]
[cors.pages]
origins = ["https://app.example"]
[route.tickets]
match = {{ path = "/ticket", methods = ["POST"] }}
auth = ["customers", "partners"]
ticket = "sockets"
cors = "pages"
[route.live]
match = {{ path = "/live", upgrade = "websocket" }}
upstream = "main"
auth = ["sockets", "customers", "partners"]
cors = "pages"
[log.audit]
file = "@dir@/audit.log"
{more}
""")


def chooses(connection, asked):
    """Agrees to the first subprotocol that it is offered."""
    offered = (asked.get(PROTOCOL) or "").split(", ")[0]
    connection.send(switching(asked, Sec_WebSocket_Protocol=offered or None))
    echo(Socket(connection, masks=False))


chooses.early = True


@pytest.fixture(scope="module")
def behind():
    one = Upstream(chooses)
    yield one
    one.over.set()


class Site:
    def __init__(self, gateway, tmp_path, behind, **options):
        self.key = Key(tmp_path, "k1")
        (tmp_path / "set.json").write_text(key_set(self.key))
        self.keys = tmp_path / "keys.jsonl"
        self.keys.write_text('{"sha256": "%s", "consumer": "acme", "id": "one"}\n' % sha256("slk_one"))
        self.config = config(behind, tmp_path, **options)
        self.one = gateway(self.config)
        self.port, self.behind = self.one.port, behind

    def token(self, **claims):
        return Issuer().token(self.key, **{"sub": "alice", **claims})

    def ticket(self, fields=None, port=None):
        fields = fields or [("Authorization", f"Bearer {self.token()}")]
        with Client(port or self.port) as client:
            response = client.ask("POST", "/ticket", fields)
        assert response.status == 200 and response.get("Cache-Control") == "no-store", response.body
        told = response.json()
        assert set(told) == {"ticket", "expires_in"} and 0 < told["expires_in"] <= 30
        return told["ticket"]

    def logs(self):
        return "".join((self.one.folder / name).read_text() for name in ("access.log", "audit.log", "error.log"))


@pytest.fixture
def site(gateway, tmp_path, behind):
    return Site(gateway, tmp_path, behind)


def test_a_token_among_the_subprotocols(site):
    token = site.token()
    with WebSocket(site.port, "/live", [(PROTOCOL, f"bearer.{token}, app.v1, app.v2")]) as socket:
        assert socket.opening.get(PROTOCOL) == "app.v1"
        assert socket.send("x").message() == b"x"
    assert site.behind.requests[-1].get(PROTOCOL) == "app.v1, app.v2"
    with WebSocket(site.port, "/live", [(PROTOCOL, f"bearer.{token}")]) as socket:
        assert socket.opening.get(PROTOCOL) is None
    assert not site.behind.requests[-1].has(PROTOCOL)
    with H2WebSocket(site.port, "/live", [(PROTOCOL, f"app.v1, bearer.{token}")]) as socket:
        assert socket.opening.get("sec-websocket-protocol") == "app.v1"
    with WebSocket(site.port, "/live", [(PROTOCOL, "app.v1, key.slk_one")]) as socket:
        assert socket.opening.get(PROTOCOL) == "app.v1"
    refused = [[(PROTOCOL, f"bearer.{token}x")], [(PROTOCOL, f"bearer.{token}, bearer.{token}")],
               [(PROTOCOL, f"bearer.{token}"), ("Authorization", f"Bearer {token}")]]
    for fields in refused:
        assert site.one.ask("GET", "/live", [*handshake(), *fields]).status == 401
    assert_problem(site.one.ask("POST", "/ticket", [(PROTOCOL, f"bearer.{token}")]), 401, "credentials_missing")
    # Also of a request that is refused before anybody looks at it.
    fields = [(PROTOCOL, f"bearer.{token}, app"), ("Origin", "https://evil.example")]
    assert_problem(site.one.ask("GET", "/live", [*handshake(), *fields]), 403, "origin_denied")
    site.one.access_log(9)
    logs = site.logs()
    assert token not in logs and "slk_one" not in logs


def test_a_ticket_opens_one_socket(site):
    ticket = site.ticket()
    with WebSocket(site.port, f"/live?a=1&ticket={ticket}&b=2", [("Origin", "https://app.example")]) as socket:
        assert socket.send("x").message() == b"x"
    asked = site.behind.requests[-1]
    assert asked.target == "/live?a=1&b=2"
    assert_problem(site.one.ask("GET", f"/live?ticket={ticket}", handshake()), 401, "ticket_unknown")
    second = site.ticket([("X-Api-Key", "slk_one")])
    with H2WebSocket(site.port, "/live", [(PROTOCOL, f"app.v1, ticket.{second}")]) as socket:
        assert socket.opening.get("sec-websocket-protocol") == "app.v1"
    third = site.ticket()
    refusals = [f"/live?ticket={third}&ticket={third}", "/live?ticket=short", "/live?ticket=" + "A" * 43]
    for target in refusals:
        assert site.one.ask("GET", target, handshake()).status == 401
    evil = [*handshake(), ("Origin", "https://evil.example")]
    assert site.one.ask("GET", f"/live?ticket={third}", evil).status == 403
    with H2Client(site.port) as client:
        assert client.finish(ask_for_socket(client, f"/live?ticket={second}")).status == 401
    site.one.access_log(9)
    logs = site.logs()
    wait_until(lambda: '"subject":"alice"' in site.logs(), "an audit record of him")
    for secret in (ticket, second, third):
        assert secret not in logs


def test_a_ticket_is_for_whom_it_was_issued_and_ends_with_him(site):
    expires = int(time.time()) + 3
    ticket = site.ticket([("Authorization", f"Bearer {site.token(exp=expires)}")])
    with WebSocket(site.port, f"/live?ticket={ticket}") as socket:
        assert socket.close_code() == (1008, "credential expired")
        assert expires - 0.1 <= time.time() <= expires + SLOW
    first, second = (site.ticket([("X-Api-Key", "slk_one")]) for _ in range(2))
    with WebSocket(site.port, f"/live?ticket={first}") as socket:
        site.keys.write_text("")
        assert socket.close_code() == (1008, "credential revoked")
    # What was taken back between the two opens nothing that stays.
    with WebSocket(site.port, f"/live?ticket={second}") as socket:
        assert socket.close_code() == (1008, "credential revoked")


def show_at_once(ports, target, each=4):
    """The same ticket at every worker of every gateway at once. gives: the statuses, sorted"""
    data = request("GET", target, handshake())
    clients = [Client(port) for port in ports for _ in range(each)]
    start, statuses = threading.Barrier(len(clients)), []

    def send(client):
        start.wait()
        statuses.append(client.send(data).response().status)
    threads = [threading.Thread(target=send, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for client in clients:
        client.socket.close()
    return sorted(statuses)


def test_of_many_who_show_a_ticket_one_gets_in(site):
    for _ in range(5):
        assert show_at_once([site.port], f"/live?ticket={site.ticket()}", each=8) == [101] + [401] * 7


def test_tickets_expire_and_the_table_has_an_end(gateway, tmp_path, behind):
    site = Site(gateway, tmp_path, behind, lifetime="1s", store='cache = "16KiB"')
    old = site.ticket()
    time.sleep(1.1)
    assert_problem(site.one.ask("GET", f"/live?ticket={old}", handshake()), 401, "ticket_unknown")
    with Client(site.port) as client:
        fields = [("X-Api-Key", "slk_one")]
        for _ in range(200):
            response = client.ask("POST", "/ticket", fields)
            if response.status != 200:
                break
        assert_problem(response, 503, "tickets_full")


def test_one_redis_for_two_gateways(gateway, tmp_path, behind, redis):
    server = redis()
    site = Site(gateway, tmp_path, behind, store='store = "main"', redis=f'[redis.main]\nurl = "redis://127.0.0.1:{server.port}"\n')
    other = gateway(site.config)
    for one in (site.one, other):
        one.wait_for_metric(1, "sluice_redis_up", redis="main")
    with WebSocket(other.port, f"/live?ticket={site.ticket()}") as socket:
        assert socket.send("x").message() == b"x"
    for _ in range(3):
        assert show_at_once([site.port, other.port], f"/live?ticket={site.ticket(port=other.port)}") == [101] + [401] * 7
    last = site.ticket()
    (name,) = server.ask("KEYS", "sluice:ticket:*").splitlines()
    held = server.ask("--no-raw", "GET", name)
    assert len(held) > 100 and not any(word in held for word in ("alice", "auth", "https://id.example", last))
    server.kill()
    other.wait_for_metric(0, "sluice_redis_up", redis="main")
    assert_problem(other.ask("GET", f"/live?ticket={last}", handshake()), 503, "ticket_store_unavailable")
    response = other.ask("POST", "/ticket", [("X-Api-Key", "slk_one")])
    assert_problem(response, 503, "ticket_store_unavailable")


def test_explain(site):
    done = run_command("explain", "-c", site.one.config, "POST", "http://a/ticket", "-H", "X-Api-Key: slk_one")
    assert "answers with a ticket for auth.sockets, good for 30 s, kept in this process" in done.stdout, done.stdout
    done = run_command("explain", "-c", site.one.config, "GET", "http://a/live?ticket=x")
    assert "sockets (ticket in the query's ticket or the subprotocol ticket.*, once, kept in this process)" in done.stdout

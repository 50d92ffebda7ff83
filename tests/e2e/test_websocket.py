"""WebSockets relayed unread: the handshake on both sides, what passes, and every way to the end."""
import os
import random
import signal
import time

import pytest
from support.client import ask, request
from support.gateway import run_command, settings
from support.h2_client import H2Client
from support.h2_websocket import CANCEL, ask_for_socket
from support.issuer import Issuer, Key, key_set
from support.message import Closed
from support.problem import assert_problem
from support.timing import SLOW, sanitizer, wait_until
from support.upstream import Upstream, answer
from support.websocket import (BINARY, PING, TEXT, Socket, WebSocket, echo, frame, handshake,
                               held_on_the_way, opened, switching)

FULL = bool(os.environ.get("SLUICE_FULL"))


def live(*servers, websocket="", route="", more="", **options):
    """A route for sockets at /live beside an ordinary one."""
    names = ", ".join(f'"{one.address}"' for one in servers)
    table = f"websocket = {{ {websocket} }}" if websocket else ""
    return settings(more=f"""
[upstream.main]
servers = [{names}]
[route.live]
match = {{ path = "/live", upgrade = "websocket" }}
upstream = "main"
{table}
{route}
[route.plain]
match = {{ path = "/plain" }}
upstream = "main"
{more}
""", **options)


@pytest.fixture(scope="module")
def behind():
    one = Upstream(opened(echo))
    yield one
    one.over.set()


@pytest.fixture(scope="module")
def relay(shared_gateway, behind):
    return shared_gateway(live(behind))


def closed_line(one, count=2):
    """The record of a socket's end: the last of `count` lines."""
    lines = one.access_log(count)
    return next(line for line in lines if "closed" in line)


def test_messages_of_every_size_pass_both_ways(relay, behind):
    with WebSocket(relay.port, "/live", [("Sec-WebSocket-Protocol", "chat")]) as socket:
        asked = behind.requests[-1]
        assert asked.get("Upgrade") == "websocket" and asked.get("Connection") == "Upgrade"
        assert asked.get("Sec-WebSocket-Protocol") == "chat" and asked.get("X-Forwarded-For") == "127.0.0.1"
        for size in (0, 1, 125, 126, 65_535, 65_536, 1_000_000):
            payload = random.Random(size).randbytes(size)
            assert socket.send(payload, BINARY).message() == payload
        socket.send("a", TEXT, fin=False).send("b", PING).send("c", 0)
        assert [socket.receive() for _ in range(3)] == [(TEXT, b"a"), (PING, b"b"), (0, b"c")]
        assert relay.metric("sluice_tunnels", route="live") == 1
        socket.close(1000, "done")
        assert socket.close_code() == (1000, "done")
        assert socket.connection.read_to_end() == b""
    relay.wait_for_metric(0, "sluice_tunnels", route="live")


def test_one_record_at_the_opening_and_one_at_the_end(gateway, behind):
    one = gateway(live(behind))
    with WebSocket(one.port, "/live?token=secret") as socket:
        first = one.access_log(1)[0]
        assert (first["status"], first["path"], first["route"]) == (101, "/live", "live") and "closed" not in first
        assert socket.send("abcd").message() == b"abcd"
        socket.close(4001)
        assert socket.close_code() == (4001, "")
    last = one.access_log(2)[1]
    assert last["request_id"] == first["request_id"] and last["client_ip"] == "127.0.0.1"
    assert (last["closed"], last["close_code"], last["status"]) == ("client", 4001, 101)
    assert (last["request_bytes"], last["response_bytes"]) == (6 + 4 + 6 + 2, 2 + 4 + 2 + 2)
    assert last["route"] == "live" and last["upstream"] == "main" and last["path"] == "/live"
    assert "secret" not in one.raw_access_log(2)
    assert one.metric("sluice_tunnel_bytes_total", route="live", **{"from": "client"}) == 18
    assert one.metric("sluice_tunnels_ended_total", reason="client") == 1


def test_bytes_behind_either_head_are_not_lost(gateway, upstream):
    greeting = frame(TEXT, "welcome") + frame(BINARY, b"x" * 3000)
    one = gateway(live(upstream(opened(echo, behind=greeting))))
    early = frame(TEXT, "at once", b"mask")
    with WebSocket(one.port, "/live", behind=early) as socket:
        assert [socket.message() for _ in range(3)] == [b"welcome", b"x" * 3000, b"at once"]


def test_the_handshake_cut_anywhere(gateway, upstream):
    def in_steps(connection, asked):
        connection.send_in_steps(switching(asked) + frame(TEXT, "hi"), 7)
        echo(Socket(connection, masks=False))
    in_steps.early = True
    one = gateway(live(upstream(in_steps)))
    with one.client() as client:
        client.send_in_steps(request("GET", "/live", handshake()) + frame(TEXT, "ho", b"mask"), 5)
        assert client.response().status == 101
        socket = Socket(client, masks=True)
        assert [socket.message(), socket.message()] == [b"hi", b"ho"]


@pytest.mark.parametrize("fields, status, code", [
    ([], 426, "upgrade_required"),
    ([("Connection", "Upgrade"), ("Upgrade", "h2c")], 426, "upgrade_required"),
    ([("Upgrade", "websocket")], 426, "upgrade_required"),
    (handshake(version="8"), 426, "websocket_version"),
    (handshake()[:3], 400, "bad_websocket_handshake"),
    (handshake(key="short"), 400, "bad_websocket_handshake"),
    (handshake(key="A" * 24), 400, "bad_websocket_handshake"),
    ([*handshake(), handshake()[3]], 400, "bad_websocket_handshake"),
    ([*handshake(), ("Content-Length", "1")], 400, "bad_websocket_handshake"),
    ([*handshake(), ("Transfer-Encoding", "chunked")], 400, "bad_websocket_handshake"),
])
def test_what_opens_no_socket_is_refused(relay, behind, fields, status, code):
    before = len(behind.requests)
    response = relay.ask("GET", "/live", fields)
    assert_problem(response, status, code)
    if status == 426:
        assert response.get("Upgrade") == "websocket" and "upgrade" in response.get("Connection").lower()
        assert response.get("Sec-WebSocket-Version") == "13"
    assert len(behind.requests) == before


def test_a_handshake_may_say_that_it_has_no_body(relay, behind):
    """As Java's own client does (java.net.http.WebSocket, until JDK 19)."""
    with relay.client() as client:
        client.send(request("GET", "/live", [*handshake(), ("Content-Length", "0")]) + frame(TEXT, "ho", b"mask"))
        assert client.response().status == 101
        assert Socket(client, masks=True).message() == b"ho"
    assert behind.requests[-1].get("Content-Length") is None


def test_other_methods_open_no_socket(relay):
    assert_problem(relay.ask("POST", "/live", handshake()), 400, "bad_websocket_handshake")


def test_elsewhere_upgrade_means_nothing(gateway, upstream):
    behind = upstream(answer())
    one = gateway(live(behind))
    response = one.ask("GET", "/plain", handshake())
    assert response.status == 200
    assert not behind.requests[-1].has("Upgrade")


@pytest.mark.parametrize("changes", [
    {"Sec_WebSocket_Accept": "AAAAAAAAAAAAAAAAAAAAAAAAAAA="}, {"Sec_WebSocket_Accept": None},
    {"Upgrade": "h2c"}, {"Upgrade": None}, {"Connection": "keep-alive"}, {"Upgrade": "spdy/3"},
])
def test_a_fake_upgrade_never_becomes_a_tunnel(gateway, upstream, changes):
    ends = []

    def fake(connection, asked):
        connection.send(switching(asked, **changes) + frame(TEXT, "smuggled"))
        ends.append(connection.wait_for_end())
    fake.early = True
    one = gateway(live(upstream(fake)))
    with one.client() as client:
        client.send(request("GET", "/live", handshake()))
        response = client.response()
        assert_problem(response, 502)
        assert b"smuggled" not in response.body
    wait_until(lambda: ends, "the upstream's connection ended")
    assert one.metric("sluice_tunnels", route="live") in (0, None)


def test_a_101_that_nobody_asked_for_is_no_answer(gateway, upstream):
    def always(connection, asked):
        connection.send(switching(asked))
    always.early = True
    one = gateway(live(upstream(always)))
    assert_problem(one.ask("GET", "/plain"), 502, "upstream_bad_response")


@pytest.mark.parametrize("status", [200, 302, 401, 403, 426, 503])
def test_another_answer_is_passed_on_as_an_ordinary_one(gateway, upstream, status):
    behind = upstream(answer(status, b"no socket", [("X-Why", "because")]))
    one = gateway(live(behind))
    with one.client() as client:
        for _ in range(2):   # and the connection goes on
            response = client.ask("GET", "/live", handshake())
            assert (response.status, response.body, response.get("X-Why")) == (status, b"no socket", "because")
    assert len({asked.connection for asked in behind.requests}) == 1


def test_a_half_close_passes_on(gateway, upstream):
    got = []

    def reads_to_the_end(socket):
        try:
            while True:
                got.append(socket.receive())
        except Closed:
            socket.send("last word")
    one = gateway(live(upstream(opened(reads_to_the_end))))
    with WebSocket(one.port, "/live") as socket:
        socket.send("one").connection.half_close()
        assert socket.message() == b"last word"
        assert socket.connection.read_to_end() == b""
    assert got == [(TEXT, b"one")]
    assert closed_line(one)["closed"] == "client"


def test_an_upstream_that_fails_is_told_of_by_a_close(gateway, upstream):
    def dies(socket):
        socket.send("whole")
        socket.receive()
        socket.connection.reset()
    one = gateway(live(upstream(opened(dies))))
    with WebSocket(one.port, "/live") as socket:
        assert socket.message() == b"whole"
        assert socket.send("die").close_code()[0] == 1011
        assert socket.connection.read_to_end() == b""
    assert closed_line(one)["closed"] == "upstream_lost"


def test_a_frame_that_cannot_be_completed_ends_in_a_reset(gateway, upstream):
    def dies(socket):
        socket.connection.send(frame(TEXT, "x" * 1000)[:500])
        socket.receive()
        socket.connection.reset()
    one = gateway(live(upstream(opened(dies))))
    with WebSocket(one.port, "/live") as socket:
        socket.connection.reader.take(500)
        socket.send("die")
        with pytest.raises(Closed) as end:
            socket.connection.read_to_end()
        assert end.value.reset and end.value.got == b""


def test_a_client_that_fails_is_told_of_by_a_close(gateway, upstream):
    behind = upstream(opened(echo))
    one = gateway(live(behind))
    with WebSocket(one.port, "/live") as socket:
        socket.send("x").message()
        socket.connection.reset()
    wait_until(lambda: behind.connections[0].ended, "the upstream has heard")
    assert behind.connections[0].ended == "close 1001"
    assert closed_line(one)["closed"] == "client_lost"


def test_a_silent_socket_ends(gateway, upstream):
    behind = upstream(opened(echo))
    one = gateway(live(behind, websocket='idle = "1s"'))
    with WebSocket(one.port, "/live") as socket:
        began = time.monotonic()
        for _ in range(4):   # what moves is not idle
            time.sleep(0.4)
            assert socket.send("x").message() == b"x"
        assert socket.close_code() == (1001, "idle")
        assert time.monotonic() - began > 2.2
        socket.close(1001)
        assert socket.connection.read_to_end() == b""
    wait_until(lambda: behind.connections[0].ended == "close 1001", "the upstream was told")
    assert closed_line(one)["closed"] == "idle"


@pytest.mark.threads
def test_back_pressure_then_a_limit_for_who_reads_nothing(gateway, upstream):
    sent = []

    def floods(socket):
        piece = frame(BINARY, bytes(60_000))
        while socket.connection.open:
            socket.connection.send(piece)
            sent.append(len(piece))
    one = gateway(live(upstream(opened(floods)), listen='timeout = { write = "1s" }'))
    with WebSocket(one.port, "/live", receive_buffer=4096):
        wait_until(lambda: len(sent) > 3, "it floods")
        one.wait_for_metric(1, "sluice_tunnels_ended_total", reason="slow")
    assert sum(sent) < held_on_the_way()
    assert closed_line(one)["closed"] == "slow"


def test_a_socket_ends_with_its_credential_and_is_audited(gateway, upstream, tmp_path):
    key = Key(tmp_path, "k1")
    (tmp_path / "set.json").write_text(key_set(key))
    (tmp_path / "audit.key").write_bytes(bytes(range(32)))
    behind = upstream(opened(echo))
    one = gateway(live(behind, route='auth = ["customers"]', more=f"""
[route.plain.headers.request]
[auth.customers]
type = "jwt"
issuer = "https://id.example"
audience = "orders"
jwks_file = "{tmp_path}/set.json"
[log.audit]
file = "@dir@/audit.log"
key = {{ secret = "file:{tmp_path}/audit.key" }}
""").replace('path = "/plain" }', 'path = "/plain" }\nauth = "none"'))
    assert_problem(one.ask("GET", "/live", handshake()), 401, "credentials_missing")
    expires = int(time.time()) + 2
    token = Issuer().token(key, exp=expires, sub="alice", jti="t1")
    with WebSocket(one.port, "/live", [("Authorization", f"Bearer {token}")]) as socket:
        assert socket.send("x").message() == b"x"
        assert socket.close_code() == (1008, "credential expired")
        assert expires - 0.1 <= time.time() <= expires + 1 * SLOW
    last = closed_line(one, 3)
    assert (last["closed"], last["close_code"]) == ("expired", 1008)
    wait_until(lambda: (one.folder / "audit.log").read_text().count('"subject":"alice"') == 2, "two audit records")
    for name in ("audit.log", "access.log", "error.log"):
        assert token not in (one.folder / name).read_text()


def test_a_credential_that_lasts_for_ever_keeps_no_socket(gateway, upstream, tmp_path):
    """Its expiry is further away than nanoseconds can say."""
    key = Key(tmp_path, "k1")
    (tmp_path / "set.json").write_text(key_set(key))
    one = gateway(live(upstream(opened(echo)), websocket='idle = "1s"', route='auth = ["customers"]', more=f"""
[auth.customers]
type = "jwt"
issuer = "https://id.example"
audience = "orders"
jwks_file = "{tmp_path}/set.json"
""").replace('path = "/plain" }', 'path = "/plain" }\nauth = "none"'))
    token = Issuer().token(key, exp=253402300799)
    with WebSocket(one.port, "/live", [("Authorization", f"Bearer {token}")]) as socket:
        assert socket.send("x").message() == b"x"
        assert socket.close_code() == (1001, "idle")


@pytest.mark.threads
def test_a_socket_ends_when_its_token_is_revoked(gateway, upstream, tmp_path):
    key, revoked = Key(tmp_path, "k1"), tmp_path / "revoked.jsonl"
    (tmp_path / "set.json").write_text(key_set(key))
    revoked.write_text("")
    one = gateway(live(upstream(opened(echo)), route='auth = ["customers"]', more=f"""
[auth.customers]
type = "jwt"
issuer = "https://id.example"
audience = "orders"
jwks_file = "{tmp_path}/set.json"
revoked = "{revoked}"
""").replace('path = "/plain" }', 'path = "/plain" }\nauth = "none"'))

    def socket(**claims):
        return WebSocket(one.port, "/live", [("Authorization", f"Bearer {Issuer().token(key, **claims)}")])
    now = int(time.time())
    with socket(jti="t1", sub="a") as first, socket(jti="t2", sub="a") as second, \
            socket(jti="t3", sub="b", iat=now - 100) as older, socket(jti="t4", sub="b", iat=now) as newer:
        revoked.write_text('{"jti": "t1"}\n{"sub": "b", "before": %d}\n' % (now - 50))
        began = time.monotonic()
        assert first.close_code() == (1008, "credential revoked")
        assert time.monotonic() - began < 1 * SLOW
        assert older.close_code()[0] == 1008
        for stays in (second, newer):
            assert stays.send("x").message() == b"x"
    assert sum(line.get("closed") == "revoked" for line in one.access_log(8)) == 2


WORD = '[route.word]\nmatch = {{ path = "/word" }}\nrespond = {{ status = 200, body = "{}" }}\n'


@pytest.mark.threads
def test_a_reload_closes_only_sockets_whose_route_changed(gateway, upstream):
    behind, other = upstream(opened(echo)), upstream(opened(echo))
    second = ('[route.second]\nmatch = { path = "/second", upgrade = "websocket" }\nupstream = "main"\n'
              'websocket = { idle = "%s" }\n')
    one = gateway(live(behind, more=WORD.format(0) + second % "1m", server="workers = 2"))
    with WebSocket(one.port, "/live") as stays, WebSocket(one.port, "/second") as changes:
        one.reload(live(behind, more=WORD.format(1) + second % "1m", server="workers = 2"))
        assert stays.send("1").message() == b"1" and changes.send("1").message() == b"1"
        # Other servers of the upstream change no route.
        one.reload(live(other, more=WORD.format(1) + second % "2m", server="workers = 2"))
        assert changes.close_code() == (1012, "configuration changed")
        assert stays.send("2").message() == b"2"
        with WebSocket(one.port, "/live") as fresh:
            assert fresh.send("x").message() == b"x"
        assert len(behind.requests) == 2 and len(other.requests) == 1
        one.reload(settings(more=WORD.format(1), server="workers = 2"))   # the route has gone
        assert stays.close_code()[0] == 1012


@pytest.mark.threads
def test_draining_closes_sockets_one_after_the_other(gateway, upstream):
    behind = upstream(opened(echo))
    one = gateway(live(behind, server='workers = 2\ndrain_timeout = "2s"'))
    sockets = [WebSocket(one.port, "/live") for _ in range(8)]
    one.signal(signal.SIGTERM)
    times = []
    for socket in sockets:
        assert socket.close_code() == (1012, "gateway restarts")
        times.append(time.monotonic())
        socket.close(1012)
        socket.connection.socket.close()
    assert one.wait() == 0
    if not sanitizer():
        assert max(times) - min(times) > 0.5


def test_explain_shows_how_a_handshake_leaves(relay):
    def explain(*fields):
        headers = [text for name, value in fields for text in ("-H", f"{name}: {value}")]
        done = run_command("explain", "-c", relay.config, "GET", "http://a/live", *headers)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout
    said = explain(*handshake())
    assert "websocket: relayed frame by frame unread, idle 10m, ends with the credential" in said
    sent = said[said.index("upstream request:"):]
    assert "Upgrade: websocket" in sent and "Connection: Upgrade" in sent and "Sec-WebSocket-Key: " in sent
    said = explain()
    assert "HTTP/1.1 426" in said and "upgrade_required" in said


class Failing:
    """Handshakes that open no socket: refused by us, by the upstream, faked by it, given up by the client."""

    def __init__(self, one, behind):
        self.one, self.behind = one, behind

    def refused(self, times):
        with self.one.client() as client:
            for _ in range(times):
                for asked, status in ((FAIR, 403), (request("GET", "/live", handshake(key="x")), 400)):
                    assert client.send(asked).response().status == status

    def faked(self, times):
        for _ in range(times):
            assert ask(self.one.port, "GET", "/live", handshake()).status == 502

    def given_up(self, times):
        before = len(self.behind.requests)
        asked = request("GET", "/live", [*handshake(), ("X-Silent", "1")])
        clients = [self.one.client().send(asked) for _ in range(times)]
        wait_until(lambda: len(self.behind.requests) == before + times, "all are asked")
        for client in clients:
            client.reset()


class FailingOverH2(Failing):
    """The same; as many of them as may be share a connection."""

    def refused(self, times):
        with H2Client(self.one.port) as client:
            for _ in range(times):
                for fields, version, status in (([("x-fair", "1")], "13", 403), ([], "8", 426)):
                    assert client.finish(ask_for_socket(client, "/live", fields, version)).status == status

    def faked(self, times):
        with H2Client(self.one.port) as client:
            for _ in range(times):
                assert client.finish(ask_for_socket(client, "/live")).status == 502

    def given_up(self, times):
        before = len(self.behind.requests)
        with H2Client(self.one.port) as client:
            streams = [ask_for_socket(client, "/live", [("x-silent", "1")]) for _ in range(times)]
            wait_until(lambda: len(self.behind.requests) == before + times, "all are asked")
            for stream in streams[::2]:
                client.h2.reset_stream(stream, CANCEL)
            client.flush()
            assert client.ask("GET", "/nowhere").status == 404   # the others go with their connection


FAIR = request("GET", "/live", [*handshake(), ("X-Fair", "1")])
LEFT_BYTES = 64 * 1024         # by 870 failed upgrades; 74,000 with SLUICE_FULL
TOLD_BYTES = 2 * 256 * 1024    # a worker tells of its memory when that has changed by 256 KiB: either figure is off by so much


@pytest.mark.parametrize("kind", [Failing, FailingOverH2], ids=["h1", "h2c"])
def test_failed_upgrades_leave_nothing(gateway, upstream, kind):
    rounds = 400 if FULL else 6

    def fakes(connection, asked):
        if asked.has("X-Silent"):
            return connection.wait_for_end()
        connection.send(b"HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno" if asked.has("X-Fair")
                        else switching(asked, Upgrade="other"))
    fakes.early = True
    behind = upstream(fakes)
    one = gateway(live(behind, server="workers = 1", listen='protocols = ["h1", "h2c"]'))
    failing = kind(one, behind)

    def fail():
        """gives: the bytes of the process when all of it is over"""
        for _ in range(rounds):
            failing.refused(80 if FULL else 60)
            failing.faked(5)
            failing.given_up(20)
        wait_until(lambda: one.metric("sluice_connections", listener="plain") == 0, "all clients have gone")
        wait_until(lambda: sum(not each.ended for each in behind.connections) <= 1, "at most a kept one is left")
        return one.resident_bytes()
    quiet, sizes = one.open_files(), [fail()]
    traffic = one.metric("sluice_traffic_memory_bytes")
    # What is taken once, for the most that was ever open at a time, is no leak: that grows each time.
    while len(sizes) < 2 or (sizes[-1] - sizes[-2] >= LEFT_BYTES and len(sizes) < 5):
        sizes.append(fail())
    wait_until(lambda: one.open_files() <= quiet + 1, "no descriptor is left but that of a kept upstream")
    wait_until(lambda: one.metric("sluice_traffic_memory_bytes") <= traffic + TOLD_BYTES, "no memory is left")
    if not sanitizer():
        assert sizes[-1] - sizes[-2] < LEFT_BYTES, sizes
    assert one.metric("sluice_tunnels", route="live") in (0, None)

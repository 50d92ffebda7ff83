"""WebSockets over HTTP/2 (RFC 8441) and over TLS, either way on either side."""
import contextlib
import hashlib
import random
import signal
import ssl
import threading
import time

import h2.settings
import pytest
from support.browser import CHROMIUM, DRIVER, Browser
from support.client import say_end
from support.gateway import run_command, settings
from support.h2_client import H2Client
from support.h2_upstream import H2Upstream
from support.h2_websocket import CANCEL, H2Sockets, H2WebSocket, ask_for_socket
from support.message import Closed
from support.timing import sanitizer, wait_until
from support.upstream import answer
from support.websocket import (BINARY, CLOSE, PING, TEXT, Socket, WebSocket, frame, handshake, held_on_the_way,
                               switching)

pytestmark = pytest.mark.threads
LISTEN = 'protocols = ["h1", "h2c"]'
CLIENTS = ["h1", "h2c", "h2", "wss"]
UPSTREAMS = {"h1": "h1", "h2c": "h2c", "h1s": "h1", "h2": "h2"}   # and what is spoken to them; the last two over TLS


def over_h2(client):
    return client in ("h2c", "h2")


def live(*, websocket="", route="", more="", authority=None, listen=LISTEN, secure="", **options):
    """Routes for sockets at /h1/** and so on, for each upstream that is given (over TLS: with the authority), and an
    ordinary one. `secure`: lines of the listener with TLS"""
    table = f"websocket = {{ {websocket} }}" if websocket else ""
    for name in UPSTREAMS:
        one, over_tls = options.pop(name, None), name in ("h1s", "h2")
        if one is None or (over_tls and not authority):
            continue
        more += f"""
[upstream.{name}]
servers = ["{one.address}"]
protocol = "{UPSTREAMS[name]}"
{f'tls = {{ ca = "{authority.cert}", sni = "localhost" }}' if over_tls else ""}
[route.{name}]
match = {{ path = "/{name}/**", upgrade = "websocket" }}
upstream = "{name}"
{table}
{route}
"""
    if authority:
        more += """
[listen.secure]
address = "127.0.0.1:@tls@"
tls = "site"
{}
[tls.site]
certificates = [{{ cert = "{}", key = "{}" }}]
""".format(secure, *authority.leaf("localhost"))
    return settings(listen=listen, more=more + '[route.plain]\nmatch = { path = "/plain" }\nrespond = { status = 200 }\n', **options)


def serve(socket):
    """Echoes; some words do more. Ends as its client did."""
    while True:
        opcode, payload = socket.receive()
        if payload == b"die":
            return socket.connection.reset()
        if payload == b"half":
            socket.connection.send(frame(TEXT, b"x" * 1000)[:500])
            return socket.connection.reset()
        if payload == b"end":
            return end_well(socket.connection)
        socket.send(payload, opcode)
        if opcode == CLOSE:
            socket.connection.ended = f"close {int.from_bytes(payload[:2], 'big')}"
            return None


def end_well(connection):
    """Of an upstream's side. Over TLS an end is one only with a close_notify."""
    if isinstance(getattr(connection, "socket", None), ssl.SSLSocket):
        say_end(connection.socket)
    connection.close()


@pytest.fixture(scope="module")
def behind(shared_upstream, authority):
    greeting, chosen = frame(TEXT, "welcome"), [("sec-websocket-protocol", "chat")]

    def script(connection, asked):
        connection.send(switching(asked, Sec_WebSocket_Protocol="chat") + greeting)
        serve_h1(connection)
    script.early = True
    plain, h2_only = (authority.server_context("localhost") for _ in range(2))
    h2_only.set_alpn_protocols(["h2"])
    with H2Sockets(serve, behind=greeting, fields=chosen) as h2c, \
            H2Sockets(serve, behind=greeting, fields=chosen, tls=h2_only) as h2:
        yield {"h1": shared_upstream(script), "h2c": h2c, "h1s": shared_upstream(script, tls=plain), "h2": h2}


def serve_h1(connection):
    try:
        serve(Socket(connection, masks=False))
    except Closed as end:
        connection.ended = "reset" if end.reset else "closed"
    if connection.open:
        end_well(connection)


@pytest.fixture(scope="module")
def relay(shared_gateway, behind, authority):
    return shared_gateway(live(**behind, authority=authority, server="workers = 2"))


def dial(one, client, path, fields=(), behind=b"", authority=None, **options):
    """A client's socket of that kind, past the greeting."""
    if client == "h1":
        socket = WebSocket(one.port, path, fields, behind, **options)
    elif client == "h2c":
        socket = H2WebSocket(one.port, path, fields, behind, **options)
    elif client == "h2":
        socket = H2WebSocket(one.tls, path, fields, behind, tls=authority.client_context(alpn=["h2"]), **options)
    else:
        socket = WebSocket(one.tls, path, fields, behind, tls=authority.client_context(), **options)
    assert socket.message() == b"welcome"
    return socket


@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize("client", CLIENTS)
def test_messages_pass_both_ways_in_every_mix(relay, behind, authority, client, upstream):
    early = frame(TEXT, "at once", b"mask")
    with dial(relay, client, f"/{upstream}/a?b=1", [("Sec-WebSocket-Protocol", "chat, mail"), ("X-Name", "v")], early,
              authority=authority) as socket:
        assert socket.opening.get("sec-websocket-protocol") == "chat"
        assert socket.message() == b"at once"
        asked = behind[upstream].requests[-1]
        if UPSTREAMS[upstream] == "h1":
            assert asked.target == f"/{upstream}/a?b=1"
            assert asked.get("Upgrade") == "websocket" and asked.get("Connection") == "Upgrade"
            assert asked.get("Sec-WebSocket-Protocol") == "chat, mail" and len(asked.get("Sec-WebSocket-Key")) == 24
            assert asked.get("Via") == ("2 sluice" if over_h2(client) else "1.1 sluice")
        else:
            told, path, scheme = dict(asked.headers), f"/{upstream}/a?b=1", "https" if upstream == "h2" else "http"
            assert (told[":method"], told[":protocol"]) == ("CONNECT", "websocket")
            assert (told[":scheme"], told[":path"]) == (scheme, path)
            assert told[":authority"] == "localhost" and told["sec-websocket-protocol"] == "chat, mail"
            assert told["sec-websocket-version"] == "13" and told["x-name"] == "v"
            assert not {"sec-websocket-key", "upgrade", "connection", "host"} & set(told)
        for size in (0, 1, 126, 65_535, 400_000):
            payload = random.Random(size).randbytes(size)
            assert socket.send(payload, BINARY).message() == payload
        socket.send("a", TEXT, fin=False).send("b", PING).send("c", 0)
        assert [socket.receive() for _ in range(3)] == [(TEXT, b"a"), (PING, b"b"), (0, b"c")]
        socket.close(4001, "done")
        assert socket.close_code() == (4001, "done")
        assert socket.connection.read_to_end() == b""
        if over_h2(client):
            socket.connection.half_close()


@pytest.mark.parametrize("client, upstream", [
    ("h1", "h1"), ("h1", "h2c"), ("h2c", "h1"), ("h2c", "h2c"), ("h2", "h1s"), ("h2", "h2"), ("wss", "h1s"),
    ("wss", "h2"),
])
def test_the_ends_of_either_side(relay, behind, authority, client, upstream):
    def end(word):
        with dial(relay, client, f"/{upstream}/a", authority=authority) as socket:
            socket.send(word)
            return socket.close_code()[0]
    assert end("die") == 1011
    with dial(relay, client, f"/{upstream}/a", authority=authority) as socket:   # a frame that cannot be completed
        socket.send("half").connection.reader.take(500)
        with pytest.raises(Closed) as ended:
            socket.connection.read_to_end()
        assert ended.value.reset
        if over_h2(client):
            assert socket.connection.reply.reset == CANCEL
    with dial(relay, client, f"/{upstream}/a", authority=authority) as socket:   # half-closes pass both ways
        socket.send("end")
        assert socket.connection.read_to_end() == b""
        if client == "wss":
            say_end(socket.connection.socket)
        else:
            socket.connection.half_close()
    with dial(relay, client, f"/{upstream}/a", authority=authority) as socket:
        socket.send("x").message()
        socket.connection.reset()
        there = behind[upstream]
        tunnel = there.tunnels[-1] if isinstance(there, H2Sockets) else there.connections[-1]
        wait_until(lambda: tunnel.ended, "the upstream has heard")
        assert tunnel.ended == "close 1001"
    relay.wait_for_metric(0, "sluice_tunnels", route=upstream)


def test_many_sockets_share_both_connections(relay, behind):
    with H2Client(relay.port) as client:
        sockets = [H2WebSocket(0, "/h2c/a", client=client) for _ in range(20)]
        assert len({asked.connection for asked in behind["h2c"].requests[-20:]}) == 1
        for socket in sockets:
            assert socket.message() == b"welcome"
        for n, socket in enumerate(sockets):
            socket.send(f"{n}")
        for n, socket in enumerate(sockets):
            assert socket.message() == f"{n}".encode()
        assert client.ask("GET", "/plain").status == 200
        sockets[0].connection.reset()
        assert sockets[1].send("still").message() == b"still"


def test_the_setting_is_there(relay):
    with H2Client(relay.port) as client:
        client.ask("GET", "/plain")
        assert client.h2.remote_settings.get(h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL) == 1


@pytest.mark.parametrize("pseudo, fields, version, status, code", [
    ({"protocol": "connect-udp"}, [], "13", 501, "protocol_unknown"),
    ({}, [], "8", 426, "websocket_version"),
    ({}, [("content-length", "1")], "13", 400, "bad_websocket_handshake"),
    ({}, [("upgrade", "websocket")], "13", 400, "connection_field"),
    ({"protocol": ""}, [], "13", 400, "bad_pseudo_field"),
])
def test_what_opens_no_socket_is_refused(relay, pseudo, fields, version, status, code):
    with H2Client(relay.port) as client:
        client.h2.config.validate_outbound_headers = client.h2.config.normalize_outbound_headers = False
        for _ in range(2):   # only the stream ends
            reply = client.finish(ask_for_socket(client, "/h1/a", fields, version, **pseudo))
            assert reply.status == status and f'"{code}"'.encode() in reply.body, (reply.headers, reply.body)
        assert client.ask("GET", "/plain").status == 200


def test_other_places_and_other_methods(relay):
    with H2Client(relay.port) as client:
        client.h2.config.validate_outbound_headers = False
        reply = client.finish(ask_for_socket(client, "/plain"))
        assert reply.status == 501 and b"protocol_unknown" in reply.body
        assert client.finish(ask_for_socket(client, "/none")).status == 404
        assert client.ask("GET", "/h1/a").status == 426
        head = [(":method", "GET"), (":protocol", "websocket"), (":scheme", "http"), (":authority", "a"), (":path", "/h1/a")]
        reply = client.finish(client.begin(fields=head, pseudo=False))
        assert reply.status == 400 and b"bad_pseudo_field" in reply.body
        head = [(":method", "CONNECT"), (":authority", "a:80")]
        assert client.finish(client.begin(fields=head, pseudo=False)).status == 501


def test_trailers_end_a_tunnel(relay):
    with dial(relay, "h2c", "/h1/a") as socket:
        socket.client.send_trailers(socket.connection.stream, [("x", "y")])
        with pytest.raises(Closed) as ended:
            socket.connection.read_to_end()
        assert ended.value.reset and socket.connection.reply.reset == 1


def test_a_page_may_have_the_path_of_a_socket(gateway, behind):
    """As docs/websocket.md says: the field that every handshake has."""
    text = live(h1=behind["h1"]).replace('upgrade = "websocket"', 'upgrade = "websocket", headers = { Sec-WebSocket-Version = "*" }')
    one = gateway(text + '[route.page]\nmatch = { path = "/h1/**" }\nrespond = { status = 200, body = "page" }\n')
    for client in ("h1", "h2c"):
        with dial(one, client, "/h1/a") as socket:
            socket.send("x")
            assert socket.message() == b"x"
    assert one.ask("GET", "/h1/a").body == b"page"
    with H2Client(one.port) as client:
        assert client.ask("GET", "/h1/a").body == b"page"


@pytest.mark.parametrize("changes", [{"Sec_WebSocket_Accept": "AAAAAAAAAAAAAAAAAAAAAAAAAAA="}, {"Sec_WebSocket_Accept": None},
                                     {"Upgrade": "h2c"}])
def test_a_fake_upgrade_never_becomes_a_tunnel(gateway, upstream, changes):
    def fake(connection, asked):
        connection.send(switching(asked, **changes) + frame(TEXT, "smuggled"))
        connection.wait_for_end()
    fake.early = True
    one = gateway(live(h1=upstream(fake)))
    with H2Client(one.port) as client:
        reply = client.finish(ask_for_socket(client, "/h1/a"))
        assert reply.status == 502 and b"smuggled" not in reply.body and b"upstream_bad_upgrade" in reply.body


def test_an_upstream_without_the_setting(gateway):
    with H2Upstream(lambda connection, asked: connection.answer(asked)) as plain:
        one = gateway(live(h2c=plain))
        response = one.ask("GET", "/h2c/a", handshake())
        assert response.status == 502 and response.json()["code"] == "upstream_no_websockets"
        with H2Client(one.port) as client:
            assert client.finish(ask_for_socket(client, "/h2c/a")).status == 502
        assert not plain.requests and len(plain.connections) == 1


@pytest.mark.parametrize("client", ["h1", "h2c"])
@pytest.mark.parametrize("kind", ["h1", "h2c"])
def test_another_answer_is_passed_on_as_an_ordinary_one(gateway, upstream, client, kind):
    with H2Sockets(serve, status=403, fields=[("x-why", "because")]) as h2c:
        one = gateway(live(h1=upstream(answer(403, b"no socket", [("X-Why", "because")])), h2c=h2c))
        if client == "h1":
            with one.client() as each:
                for _ in range(2):
                    response = each.ask("GET", f"/{kind}/a", handshake())
                    assert (response.status, response.body, response.get("X-Why")) == (403, b"no socket", "because")
            return
        with H2Client(one.port) as each:
            for _ in range(2):
                reply = each.finish(ask_for_socket(each, f"/{kind}/a"))
                assert (reply.status, bytes(reply.body), reply.get("x-why")) == (403, b"no socket", "because")


def test_records_say_what_was_answered(gateway, behind):
    one = gateway(live(**behind))
    with dial(one, "h2c", "/h1/a?token=secret") as socket:
        first = one.access_log(1)[0]
        assert (first["status"], first["method"], first["version"], first["path"]) == (200, "GET", "HTTP/2", "/h1/a")
        socket.close(4001)
        assert socket.close_code() == (4001, "")
        assert socket.connection.read_to_end() == b""
        socket.connection.half_close()
    last = one.access_log(2)[1]
    assert (last["closed"], last["close_code"], last["status"], last["version"]) == ("client", 4001, 200, "HTTP/2")
    assert last["request_id"] == first["request_id"] and "secret" not in one.raw_access_log(2)
    with dial(one, "h1", "/h2c/a"), dial(one, "h2c", "/h1/abrupt") as abrupt:
        abrupt.close(4002)   # what ended the socket, however the stream ends then
        assert abrupt.close_code() == (4002, "")
        abrupt.connection.reset()
        lines = one.access_log(5)
        assert [(line["status"], line["version"]) for line in lines if line["path"] == "/h2c/a"] == [(101, "HTTP/1.1")]
        assert [line["close_code"] for line in lines if line["path"] == "/h1/abrupt" and "closed" in line] == [4002]


def sha256(key):
    return hashlib.sha256(key.encode()).hexdigest()


@pytest.mark.parametrize("client", ["h2c", "wss"])
def test_a_slow_client_stops_its_upstream_and_then_ends(gateway, authority, client):
    sent = []

    def floods(socket):
        piece = frame(BINARY, bytes(60_000))
        while socket.connection.open:
            socket.connection.send(piece)
            sent.append(len(piece))
    with H2Sockets(floods) as h2c:
        timeout = 'timeout = { write = "1s" }'
        one = gateway(live(h2c=h2c, listen=f"{LISTEN}\n{timeout}", secure=timeout, authority=authority))
        context = authority.client_context()

        def ends():
            wait_until(lambda: len(sent) >= 2, "it floods")
            one.wait_for_metric(1, "sluice_tunnels_ended_total", reason="slow")
        if client == "wss":
            with WebSocket(one.tls, "/h2c/a", tls=context, receive_buffer=4096):
                ends()
            assert sum(sent) < held_on_the_way()
            return
        with H2Client(one.port, windows=False) as outer:
            H2WebSocket(0, "/h2c/a", client=outer)
            ends()
            assert outer.ask("GET", "/plain").status == 200   # the connection goes on
        assert sum(sent) < 1_000_000


def test_a_slow_upstream_ends(gateway):
    over = threading.Event()
    with H2Sockets(lambda _: over.wait(20), windows=False) as h2c:
        one = gateway(live(h2c=h2c).replace('protocol = "h2c"', 'protocol = "h2c"\ntimeout = { body = "1s" }'))
        with H2WebSocket(one.port, "/h2c/a") as socket:
            threading.Thread(target=socket.send, args=[bytes(1_000_000), BINARY], daemon=True).start()
            one.wait_for_metric(1, "sluice_tunnels_ended_total", reason="slow")
        over.set()


def test_a_silent_socket_does_not_let_its_connection_be_idle(gateway, behind):
    one = gateway(live(**behind, listen=LISTEN + '\ntimeout = { idle = "300ms", body = "300ms" }'))
    with dial(one, "h2c", "/h2c/a") as socket:
        time.sleep(1)
        assert socket.send("x").message() == b"x"
        socket.close()
        assert socket.close_code() == (1000, "")
        assert socket.connection.read_to_end() == b""
        socket.connection.half_close()
        assert socket.client.wait_for_goaway() == 0


def test_a_reload_leaves_sockets_alone(gateway, behind, authority):
    word = '[route.word]\nmatch = {{ path = "/word" }}\nrespond = {{ status = 200, body = "{}" }}\n'
    usual = {**behind, "authority": authority, "server": "workers = 2"}
    one = gateway(live(**usual, more=word.format(0)))
    ways = [("h2c", "h2c"), ("h2c", "h1"), ("wss", "h1s"), ("wss", "h2")]
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(dial(one, client, f"/{upstream}/a", authority=authority))
                   for client, upstream in ways]
        one.reload(live(**usual, more=word.format(1)))
        for socket in sockets:
            assert socket.send("1").message() == b"1"
        one.reload(live(**usual, more=word.format(1), websocket='idle = "1m"'))
        for socket in sockets:
            assert socket.close_code() == (1012, "configuration changed")


def test_draining_closes_sockets_one_after_the_other_and_then_their_connection(gateway, behind, authority):
    one = gateway(live(**behind, authority=authority, server='workers = 2\ndrain_timeout = "2s"'))
    secure = [dial(one, "wss", f"/{upstream}/a", authority=authority) for upstream in UPSTREAMS]
    with H2Client(one.port) as client:
        sockets = [H2WebSocket(0, f"/{upstream}/a", client=client) for upstream in ["h1", "h2c"] * 3]
        for socket in sockets:
            assert socket.message() == b"welcome"
        one.signal(signal.SIGTERM)
        times = {}
        while len(times) < len(sockets):   # by route: not in the order in which they were opened
            client.receive()
            for n, socket in enumerate(sockets):
                if n in times or not socket.connection.reply.body:
                    continue
                assert socket.close_code() == (1012, "gateway restarts")
                times[n] = time.monotonic()
                socket.close(1012)
                socket.connection.half_close()
        assert client.wait_for_goaway() == 0
        while client.receive():
            pass
    for socket in secure:
        assert socket.close_code() == (1012, "gateway restarts")
        assert socket.connection.read_to_end() == b""
        socket.connection.socket.close()
    assert one.wait() == 0
    if not sanitizer():
        assert max(times.values()) - min(times.values()) > 0.4


def test_credentials_end_sockets_over_http2(gateway, behind, tmp_path):
    keys = tmp_path / "keys.jsonl"
    keys.write_text('{"sha256": "%s", "consumer": "acme", "id": "one"}\n' % sha256("one"))
    one = gateway(live(**behind, route='auth = ["partners"]', more=f'[auth.partners]\ntype = "api_key"\nstore = "file:{keys}"\n'))
    with dial(one, "h2c", "/h2c/a", [("X-Api-Key", "one")]) as socket:
        keys.write_text("")
        assert socket.close_code() == (1008, "credential revoked")


def test_explain_shows_how_an_extended_connect_leaves(relay):
    def explain(path):
        done = run_command("explain", "-c", relay.config, "CONNECT", f"http://a{path}", "-H", ":protocol: websocket",
                           "-H", "Sec-WebSocket-Version: 13", "-H", "X-Name: v")
        return done.stdout[done.stdout.index("upstream request:"):]
    said = explain("/h2c/a")
    assert all(line in said for line in (":method: CONNECT", ":protocol: websocket", ":scheme: http", ":path: /h2c/a", "x-name: v"))
    assert "key" not in said
    said = explain("/h1/a")
    assert "GET /h1/a HTTP/1.1" in said and "Upgrade: websocket" in said and "Sec-WebSocket-Key: " in said


# Two messages of a socket, or how it ended.
SOCKET = """
const [url, done] = arguments;
const socket = new WebSocket(url, ["chat"]), got = [];
socket.onopen = () => socket.send("x");
socket.onmessage = event => { got.push(event.data); if (got.length == 2) socket.close(4001); };
socket.onclose = event => done([...got, event.code, socket.protocol]);
"""


@pytest.mark.plain_build   # the browser is what takes the time
@pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="no chromium and chromedriver")
def test_chromium_opens_sockets_over_http2(gateway, behind, authority):
    page = '[route.page]\nmatch = { path = "/page" }\nrespond = { status = 200, body = "<p>", headers = { Content-Type = "text/html" } }\n'
    one = gateway(live(**behind, more=page, authority=authority))
    browser = Browser("--ignore-certificate-errors")
    try:
        browser.open(f"https://localhost:{one.tls}/page")
        for upstream in UPSTREAMS:
            assert browser.run(SOCKET, f"wss://localhost:{one.tls}/{upstream}/a") == ["welcome", "x", 4001, "chat"]
    finally:
        browser.close()
    opened = [line for line in one.access_log(5) if line["path"] in ("/h1/a", "/h2c/a") and "closed" not in line]
    assert [(line["version"], line["status"]) for line in opened] == [("HTTP/2", 200)] * 2

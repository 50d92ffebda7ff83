"""WebSockets whose messages are looked at (`websocket.max_message` and its like), each key from outside."""
import asyncio
import contextlib
import os
import random
import struct

import pytest
import websockets
from support.gateway import run_command, settings
from support.h2_websocket import H2Sockets, H2WebSocket
from support.problem import assert_problem
from support.timing import wait_until
from support.upstream import Upstream, early
from support.websocket import (BINARY, CLOSE, PING, PONG, RSV1, TEXT, Deflate, Socket, WebSocket, accept_of, frame, handshake,
                               held_on_the_way, opened, switching)
from test_websocket_peers import Peer

DEFLATE = ("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits")
ROUTES = {
    "size": 'max_message = "2KiB"',
    "rate": 'rate = "5/1m"',
    "types": 'max_message = "200KiB", message_types = { field = "type", allow = ["say", "ask"] }',
    "ping": 'ping = "1s", idle = "1m"',
    "deflate": 'max_message = "2KiB", compression = "pass"',
    "deflate_large": 'max_message = "2MiB", compression = "pass"',
    "deflate_types": 'max_message = "2KiB", compression = "pass", message_types = { field = "type", allow = ["say"] }',
}


def routes(address, protocol="h1"):
    return f'[upstream.main]\nservers = ["{address}"]\nprotocol = "{protocol}"\n' + "".join(f"""
[route.{name}]
match = {{ path = "/{name}", upgrade = "websocket" }}
upstream = "main"
websocket = {{ {keys} }}
""" for name, keys in ROUTES.items())


def serve(socket):
    """Echoes; what a text asks for it does."""
    while True:
        opcode, payload = socket.receive()
        if payload.startswith(b"raw:"):
            socket.connection.send(bytes.fromhex(payload[4:].decode()))
        else:
            socket.send(payload, opcode, socket.fin)
        if opcode == CLOSE:
            socket.connection.ended = f"close {struct.unpack('!H', payload[:2])[0] if payload else None}"
            return


@pytest.fixture(scope="module")
def behind():
    one = Upstream(opened(serve))
    yield one
    one.over.set()


@pytest.fixture(scope="module")
def one(shared_gateway, behind):
    return shared_gateway(settings(server="workers = 1", more=routes(behind.address)))


@pytest.fixture(scope="module")
def peer():
    one = Peer(max_size=None)
    yield one
    one.stop()


def ended(one, reason):
    return one.metric("sluice_tunnels_ended_total", reason=reason)


def expect_end(one, behind, socket, code, reason, text):
    """The client hears `code`, its upstream 1001, and the log and a metric have the reason."""
    assert socket.close_code() == (code, text)
    socket.close(code)
    assert socket.connection.read_to_end() == b""
    wait_until(lambda: behind.connections[-1].ended, "the upstream has heard")
    assert behind.connections[-1].ended == "close 1001"

    def closed():
        return [line.get("close_code") for line in one.access_log(1) if line.get("closed") == reason]
    wait_until(lambda: code in closed(), "the log has it")
    wait_until(lambda: ended(one, reason) == len(closed()), "the metric counts what the log has")


def test_messages_up_to_the_size_pass_both_ways_and_larger_ones_do_not(one, behind):
    with WebSocket(one.port, "/size") as socket:
        for size in (0, 125, 126, 2048):
            payload = random.Random(size).randbytes(size)
            assert socket.send(payload, BINARY).message() == payload
        socket.send("a", TEXT, fin=False).send("b", PING).send("c", 0)
        assert [socket.receive() for _ in range(3)] == [(TEXT, b"a"), (PING, b"b"), (0, b"c")]
        socket.send(b"x" * 2000, BINARY, fin=False)
        assert socket.receive() == (BINARY, b"x" * 2000)
        socket.send(b"x" * 49, 0)
        expect_end(one, behind, socket, 1009, "message_size", "message too large")


def test_of_the_upstream_too(one, behind):
    with WebSocket(one.port, "/size") as socket:
        socket.send("raw:" + frame(BINARY, b"x" * 2049)[:700].hex())
        assert socket.close_code() == (1011, "other side at fault")
    wait_until(lambda: behind.connections[-1].ended, "the upstream has heard")


@pytest.mark.parametrize("bad, code, text", [
    (frame(TEXT, "not masked"), 1002, "protocol error"),
    (frame(TEXT | 0x40, "RSV1", b"mask"), 1002, "protocol error"),
    (frame(0, "stray", b"mask"), 1002, "protocol error"),
    (frame(TEXT, b"\xff", b"mask"), 1007, "protocol error"),
    (frame(CLOSE, b"\x03\xed", b"mask"), 1002, "protocol error"),
])
def test_who_breaks_the_standard_is_told_so(one, behind, bad, code, text):
    with WebSocket(one.port, "/size") as socket:
        assert socket.send("good").message() == b"good"
        socket.connection.send(bad)
        expect_end(one, behind, socket, code, "client_protocol", text)


def test_an_upstream_that_breaks_it_too(one, behind):
    before = ended(one, "upstream_protocol")
    with WebSocket(one.port, "/size") as socket:
        socket.send("raw:" + frame(TEXT, "masked", b"mask").hex())
        assert socket.close_code() == (1011, "other side at fault")
    wait_until(lambda: ended(one, "upstream_protocol") == before + 1, "it is counted")
    assert behind.connections[-1].ended == "close 1002"


def test_beyond_the_rate_the_socket_ends(one, behind):
    with WebSocket(one.port, "/rate") as socket:
        for i in range(5):
            assert socket.send(str(i)).message() == str(i).encode()
            socket.send("p", PING)
            assert socket.receive() == (PING, b"p")
        socket.send("too many")
        expect_end(one, behind, socket, 1008, "message_rate", "too many messages")


def test_the_rate_is_each_sockets_own(one):
    for _ in range(3):
        with WebSocket(one.port, "/rate") as socket:
            for i in range(4):
                assert socket.send(str(i)).message() == str(i).encode()


def test_types_that_are_listed_pass(one):
    large = '{"type":"ask","text":"' + "x" * 150_000 + '"}'
    with WebSocket(one.port, "/types") as socket:
        assert socket.send('{"type":"say"}').message() == b'{"type":"say"}'
        assert socket.send(large).message() == large.encode()
        socket.send('{"type"', TEXT, fin=False).send("p", PING).send(':"say"}', 0)
        assert [socket.receive() for _ in range(3)] == [(PING, b"p"), (TEXT, b'{"type"'), (0, b':"say"}')]


@pytest.mark.parametrize("payload, opcode, code", [
    ('{"type":"admin"}', TEXT, 1008), ("no JSON", TEXT, 1008), ('{"say":1}', TEXT, 1008), ('{"type":"say"}', BINARY, 1003)])
def test_other_types_end_the_socket(one, behind, payload, opcode, code):
    with WebSocket(one.port, "/types") as socket:
        assert socket.send('{"type":"say"}').message() == b'{"type":"say"}'
        socket.send(payload, opcode)
        expect_end(one, behind, socket, code, "message_type", "message type not allowed")


def test_who_is_silent_is_pinged_and_who_is_dead_is_let_go(one):
    """The upstream here answers a ping by a ping: that too says that it is there, and passes to the client."""
    with WebSocket(one.port, "/ping") as dead:
        with WebSocket(one.port, "/ping") as socket:
            opcode, payload = socket.receive()
            assert (opcode, len(payload)) == (PING, 8)
            socket.send(payload, PONG).send("mine", PONG)
            seen = []
            while (PONG, b"mine") not in seen:
                seen.append(socket.receive())
            assert (PONG, payload) not in seen   # else it would have come back too
        assert dead.close_code() == (1001, "no pong")
    one.wait_for_metric(1, "sluice_tunnels_ended_total", reason="no_pong")


@pytest.mark.threads
def test_back_pressure_reaches_the_sender_of_messages(gateway, upstream):
    sent = []

    def floods(socket):
        piece = frame(BINARY, bytes(2000))
        while socket.connection.open:
            socket.connection.send(piece)
            sent.append(len(piece))
    one = gateway(settings(listen='timeout = { write = "1s" }', more=routes(upstream(opened(floods)).address)))
    with WebSocket(one.port, "/types", receive_buffer=4096):
        wait_until(lambda: len(sent) > 3, "it floods")
        one.wait_for_metric(1, "sluice_tunnels_ended_total", reason="slow")
    assert sum(sent) < held_on_the_way()


def test_compression_is_refused_unless_asked_for(one, behind, gateway, upstream):
    with WebSocket(one.port, "/size", [DEFLATE]) as socket:
        assert not behind.requests[-1].has("Sec-WebSocket-Extensions")
        assert socket.opening.get("Sec-WebSocket-Extensions") is None

    def insists(connection, asked):
        connection.send((f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
                         f"{accept_of(asked.get('Sec-WebSocket-Key'))}\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n").encode())
    insists.early = True
    other = gateway(settings(more=routes(upstream(insists).address)))
    for path, fields in (("/size", [DEFLATE]), ("/deflate", [])):
        assert_problem(other.ask("GET", path, [*handshake(), *fields]), 502, "upstream_bad_upgrade")


def test_over_http2_on_both_sides_too(gateway):
    listen = 'protocols = ["h1", "h2c"]'
    with H2Sockets(serve) as behind:
        one = gateway(settings(listen=listen, more=routes(behind.address, "h2c")))
        with H2WebSocket(one.port, "/types") as socket:
            assert socket.send('{"type":"say"}').message() == b'{"type":"say"}'
            assert socket.send('{"type":"no"}').close_code() == (1008, "message type not allowed")
    with H2Sockets(serve, fields=[("sec-websocket-extensions", "permessage-deflate")]) as insists:
        one = gateway(settings(listen=listen, more=routes(insists.address, "h2c")))
        assert_problem(one.ask("GET", "/size", [*handshake(), DEFLATE]), 502, "upstream_bad_upgrade")


def deflated(text):
    return Deflate().pack(text)


def test_compressed_messages_are_counted_inflated(gateway, peer):
    one = gateway(settings(more=routes(peer.address)))
    with WebSocket(one.port, "/deflate", [DEFLATE]) as socket:
        assert socket.opening.get("Sec-WebSocket-Extensions").startswith("permessage-deflate")
        socket.connection.send(frame(TEXT | RSV1, deflated(b"hello" * 400), b"mask"))
        assert socket.receive()[0] == TEXT   # compressed by the peer
        socket.connection.send(frame(BINARY | RSV1, deflated(bytes(1_002_048)), b"mask"))
        assert socket.close_code() == (1009, "message too large")
    with WebSocket(one.port, "/deflate_types", [DEFLATE]) as socket:
        socket.connection.send(frame(TEXT | RSV1, deflated(b'{"type":"say"}'), b"mask"))
        assert socket.receive()[0] == TEXT
        socket.connection.send(frame(TEXT | RSV1, deflated(b'{"type":"shout"}'), b"mask"))
        assert socket.close_code() == (1008, "message type not allowed")


class Packing:
    """An upstream that packs what it answers: each message goes back as it was; `got` has them, `packed_bytes` their sizes
    as they came, `ended` the code of the Close that was heard."""

    def __init__(self, takeover):
        self.takeover, self.got, self.packed_bytes, self.ended = takeover, [], [], None
        self.extension = "permessage-deflate" + ("" if takeover else "; client_no_context_takeover; server_no_context_takeover")

    def serve(self, socket):
        """Until a Close. A text, which is a number, is answered by so many zeros."""
        coming, going = Deflate(self.takeover), Deflate(self.takeover)
        while True:
            opcode, payload = socket.receive()
            if opcode == CLOSE:
                self.ended = struct.unpack("!H", payload[:2])[0]
                return socket.send(payload, CLOSE)
            packed = socket.packed
            while not socket.fin:
                payload += socket.receive()[1]
            self.packed_bytes.append(len(payload))
            message = coming.unpack(payload) if packed else payload
            self.got.append(message)
            answered = bytes(int(message)) if opcode == TEXT else message
            socket.connection.send(frame(opcode | RSV1, going.pack(answered)))

    @contextlib.contextmanager
    def listen(self, kind):
        """gives: an address where it is spoken to by h1 or h2c"""
        if kind == "h2c":
            with H2Sockets(self.serve, fields=[("sec-websocket-extensions", self.extension)]) as server:
                yield server
            return

        @early
        def script(connection, asked):
            connection.send(switching(asked, Sec_WebSocket_Extensions=self.extension))
            self.serve(Socket(connection, masks=False))
        server = Upstream(script)
        yield server
        server.stop()


@pytest.mark.threads
@pytest.mark.parametrize("takeover", [True, False], ids=["takeover", "no_takeover"])
@pytest.mark.parametrize("client, upstream", [("h2c", "h2c"), ("h2c", "h1"), ("h1", "h2c")])
def test_compressed_messages_pass_over_http2(gateway, client, upstream, takeover):
    behind = Packing(takeover)
    dial = H2WebSocket if client == "h2c" else WebSocket
    with behind.listen(upstream) as server:
        one = gateway(settings(listen='protocols = ["h1", "h2c"]', more=routes(server.address, upstream)))

        def opened_at(path):
            socket = dial(one.port, path, [DEFLATE])
            assert socket.opening.get("sec-websocket-extensions") == behind.extension
            behind.ended = None
            return socket, Deflate(takeover), Deflate(takeover)

        def expect_end(socket, reason, here, there, times=1):
            assert socket.close_code()[0] == here
            wait_until(lambda: behind.ended == there, f"the upstream hears {there}")
            one.wait_for_metric(times, "sluice_tunnels_ended_total", reason=reason)
            one.wait_for_metric(0, "sluice_tunnels")

        socket, going, coming = opened_at("/deflate_large")
        with socket:
            some = random.Random(7).randbytes(1_000_000)
            again = some[:10_000]                              # as long as both windows remember it, a few bytes
            for message in (b"", b"x", some[:125], some[:126], again, again, some[:65_536], some, bytes(2 << 20)):
                socket.connection.send(frame(BINARY | RSV1, going.pack(message), b"mask"))
                opcode, payload = socket.receive()
                assert (opcode, socket.packed, socket.fin) == (BINARY, True, True)
                assert behind.got[-1] == message == coming.unpack(payload)
            assert (behind.packed_bytes[5] < 200) == takeover and behind.packed_bytes[4] > 9_000
            packed = going.pack(b"in fragments " * 50)
            socket.connection.send(frame(BINARY | RSV1, packed[:9], b"mask", fin=False) + frame(0, packed[9:], b"mask"))
            assert coming.unpack(socket.receive()[1]) == b"in fragments " * 50
            socket.send(b"not compressed", BINARY)
            assert coming.unpack(socket.receive()[1]) == b"not compressed"
            socket.connection.send(frame(BINARY | RSV1, going.pack(bytes((2 << 20) + 1)), b"mask"))
            expect_end(socket, "message_size", 1009, 1001)
        socket, going, coming = opened_at("/deflate_large")
        with socket:
            for size in (0, 2 << 20):
                socket.send(str(size))
                assert coming.unpack(socket.receive()[1]) == bytes(size)
            socket.send(str((2 << 20) + 1))
            expect_end(socket, "message_size", 1011, 1009, 2)
        socket, going, coming = opened_at("/deflate_large")
        with socket:
            socket.connection.send(frame(BINARY | RSV1, b"\xff" * 20, b"mask"))   # no block of DEFLATE begins so
            expect_end(socket, "client_protocol", 1007, 1001)


@pytest.mark.threads
@pytest.mark.parametrize("compression, path", [("deflate", "/deflate"), ("deflate", "/size"), (None, "/deflate")])
def test_real_peers_talk(gateway, peer, compression, path):
    one = gateway(settings(server="workers = 2", more=routes(peer.address)))

    async def talk():
        async with websockets.connect(f"ws://127.0.0.1:{one.port}{path}", ping_interval=None, compression=compression) as socket:
            assert bool(socket.extensions) == (compression is not None and path == "/deflate")
            for message in ("text ⚡" * 20, os.urandom(2048), "", ["in ", "three ", "fragments"], "again" * 100, "again" * 100):
                await socket.send(message)
                assert await socket.recv() == ("".join(message) if isinstance(message, list) else message)
            await asyncio.wait_for(await socket.ping(), 5)
            await socket.send("x" * 2049)
            with pytest.raises(websockets.ConnectionClosed) as end:
                await socket.recv()
            assert end.value.code == 1009

    async def several():
        await asyncio.gather(*[talk() for _ in range(4)])
    asyncio.run(several())


def test_explain_tells_what_is_looked_at(one):
    fields = [text for name, value in handshake() for text in ("-H", f"{name}: {value}")]
    told = run_command("explain", "-c", one.config, "GET", "http://127.0.0.1/types", *fields).stdout
    assert ("websocket: frames are read, compression is refused, messages up to 200KiB, whose type is say | ask, "
            "idle 10m") in told
    told = run_command("explain", "-c", one.config, "GET", "http://127.0.0.1/rate", *fields).stdout
    assert "at most 5/1m from the client" in told


def test_what_a_held_message_inflates_to_is_traffics_memory(gateway, peer):
    """A few bytes on the wire, a megabyte each in the gateway."""
    one = gateway(settings(server="workers = 1", more=f"""
[upstream.main]
servers = ["{peer.address}"]
[route.live]
match = {{ path = "/live", upgrade = "websocket" }}
upstream = "main"
websocket = {{ max_message = "2MiB", compression = "pass", message_types = {{ field = "type", allow = ["a"] }} }}
"""))
    bomb = deflated(b" " * (1 << 20))
    before = one.metric("sluice_traffic_memory_bytes")
    with contextlib.ExitStack() as stack:
        for _ in range(4):
            socket = stack.enter_context(WebSocket(one.port, "/live", [DEFLATE]))
            socket.connection.send(frame(TEXT | RSV1, bomb, b"mask", fin=False))
        wait_until(lambda: one.metric("sluice_traffic_memory_bytes") > before + 4 * (1 << 20), "it is counted")
    wait_until(lambda: one.metric("sluice_traffic_memory_bytes") < before + (1 << 20), "it is given back")

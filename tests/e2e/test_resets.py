"""Connections that end in an RST in the middle of a body or of a WebSocket's message, over HTTP/1.1 and HTTP/2: the other
side is ended, log and metrics say who did it, and nothing is left."""
import contextlib
import random
import socket as sockets
import struct

import pytest
from support.client import Client, request
from support.gateway import settings
from support.h2_client import H2Client
from support.h2_upstream import H2Upstream
from support.h2_websocket import CANCEL, H2Sockets, H2WebSocket
from support.message import Closed
from support.timing import wait_until
from support.upstream import Upstream, early
from support.websocket import BINARY, CLOSE, PING, RSV1, TEXT, Deflate, Socket, WebSocket, frame, switching

pytestmark = pytest.mark.threads
KINDS = ["h1", "h2c"]
LENGTH, PART = 100_000, b"x" * 5_000    # of a body, and what comes of it
HALF = 500                              # bytes of a frame that are sent of some more
TOLD_BYTES = 2 * 256 * 1024             # a worker tells of a change of its memory by 256 KiB: either figure is off by so much


def reset(socket):
    """Ends a connection by RST. Nobody else may be reading from it: he would hold it open."""
    socket.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("ii", 1, 0))
    socket.close()


def reset_upstream(connection):
    """The same of an upstream's side, by the thread that reads from it: it is woken, and all that it does is close."""
    def close():
        connection.open = False
        connection.socket.close()
    connection.close = close
    connection.socket.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("ii", 1, 0))
    connection.socket.shutdown(sockets.SHUT_RD)   # sends nothing


def config(address, kind, match="", websocket=""):
    table = f"websocket = {{ {websocket} }}" if websocket else ""
    return settings(listen='protocols = ["h1", "h2c"]', more=f"""
[upstream.main]
servers = ["{address}"]
protocol = "{kind}"
[route.all]
match = {{ path = "/a" {match} }}
upstream = "main"
{table}
""")


def expect_open(one, count):
    """So many clients, each with a request or a socket that the upstream has on a connection of its own; 0: nothing is left."""
    one.wait_for_metric(count, "sluice_connections", listener="plain")
    one.wait_for_metric(count, "sluice_upstream_requests_in_flight", upstream="main")
    one.wait_for_metric(count, "sluice_upstream_connections", upstream="main", state="active")


# ---- Bodies

class Held:
    """An upstream that sends a part of what a GET wants, takes a part of what a POST brings, and waits for the end."""

    def __init__(self):
        self.got, self.ended = 0, None

    def over_h1(self, connection, asked):
        if asked.method == "GET":
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (LENGTH, PART))
        else:
            self.got = len(connection.reader.take(len(PART)))
        self.ended = connection.wait_for_end()
    over_h1.early = True

    def over_h2(self, connection, asked):
        if asked.get(":method") == "GET":
            with connection.lock:
                connection.h2.send_headers(asked.stream, [(":status", "200"), ("content-length", str(LENGTH))])
                connection.h2.send_data(asked.stream, PART)

    def count(self, connection, asked, data):
        self.got += len(data)


@contextlib.contextmanager
def held(kind):
    """gives: the state of an upstream of that kind, and its address"""
    one = Held()
    if kind == "h1":
        server = Upstream(one.over_h1)
        yield one, server
        server.stop()
    else:
        with H2Upstream(one.over_h2, early=True, on_data=one.count) as server:
            yield one, server


class Half:
    """A client in the middle of a body: it has sent, or has received, a part."""

    def __init__(self, kind, port, method):
        self.over_h2 = kind == "h2c"
        self.client = H2Client(port) if self.over_h2 else Client(port)
        self.socket = self.client.socket
        if self.over_h2:
            fields = [("content-length", str(LENGTH))] if method == "POST" else []
            self.stream = self.client.begin(method, "/a", fields, end=method == "GET")
            self.reply = self.client.replies[self.stream]
            if method == "POST":
                self.client.send_body(self.stream, PART, end=False)
            else:
                self.client.wait(lambda: len(self.reply.body) == len(PART), "a part")
            return
        if method == "POST":
            self.client.send(f"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: {LENGTH}\r\n\r\n".encode() + PART)
        else:
            self.client.send(request("GET", "/a")).reader.head()
            assert self.client.reader.take(len(PART)) == PART

    def status(self):
        """Of an answer made by the gateway."""
        return self.client.finish(self.stream).status if self.over_h2 else self.client.response().status

    def expect_cut(self):
        """No end that could be taken for a good one; of HTTP/2 the stream alone."""
        if self.over_h2:
            assert self.client.finish(self.stream).reset is not None and not self.reply.whole
            assert self.client.ask("GET", "/nowhere").status == 404
            return
        assert self.client.read_to_end_whatever_happens() == b""


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("upstream", KINDS)
@pytest.mark.parametrize("client", KINDS)
def test_a_client_resets_within_a_body(gateway, client, upstream, method):
    with held(upstream) as (behind, server):
        one = gateway(config(server.address, upstream))
        half = Half(client, one.port, method)
        wait_until(lambda: method == "GET" or behind.got == len(PART), "the part has gone through")
        expect_open(one, 1)
        reset(half.socket)
        wait_until(lambda: behind.ended or (upstream == "h2c" and server.connections[0].resets), "the upstream has heard")
        if upstream == "h2c":
            assert server.connections[0].resets == [(1, CANCEL)]
        line, = one.access_log(1)
        assert (line["aborted"], line["status"], line["upstream"]) == ("client", 200 if method == "GET" else 0, "main")
        assert line["response_bytes" if method == "GET" else "request_bytes"] == len(PART)
        expect_open(one, 0)
        assert one.metric("sluice_http_requests_total", route="all", code="2xx" if method == "GET" else "none") == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("upstream", KINDS)
@pytest.mark.parametrize("client", KINDS)
def test_an_upstream_resets_within_a_body(gateway, client, upstream, method):
    with held(upstream) as (behind, server):
        one = gateway(config(server.address, upstream))
        half = Half(client, one.port, method)
        wait_until(lambda: method == "GET" or behind.got == len(PART), "the part has gone through")
        expect_open(one, 1)
        reset_upstream(server.connections[0])
        if method == "GET":
            half.expect_cut()
        else:
            assert half.status() == 502
        line = next(line for line in one.access_log(1) if line["path"] == "/a")
        assert (line["problem"], line.get("aborted")) == ("upstream_closed", "upstream" if method == "GET" else None)
        half.socket.close()
        expect_open(one, 0)
        assert one.metric("sluice_http_requests_total", route="all", code="2xx" if method == "GET" else "5xx") == 1
        assert one.metric("sluice_upstream_requests_total", upstream="main", code="2xx" if method == "GET" else "none") == 1


# ---- Messages of WebSockets

# How a route treats messages: only follows frames, reads them, inflates them too, or holds each until it is whole.
MODES = {
    "followed": "",
    "read": 'max_message = "64KiB"',
    "inflated": 'max_message = "64KiB", compression = "pass"',
    "held": 'max_message = "64KiB", message_types = { field = "type", allow = ["say", "half"] }',
}
SAY, ASK = b'{"type":"say"}', b'{"type":"half"}'
EXTENSION = ("sec-websocket-extensions", "permessage-deflate; client_no_context_takeover; server_no_context_takeover")


class Sockets:
    """An upstream that echoes messages, packed ones packed, and says half a frame when it is asked to."""

    def __init__(self, kind, mode):
        self.kind, self.fields = kind, [EXTENSION] if mode == "inflated" else []
        self.open = []        # sockets and the connections that they are on, in the order in which they were opened
        self.heard = []       # how each ended, in any order

    def _serve(self, socket, connection):
        self.open.append((socket, connection))
        try:
            while True:
                opcode, payload = socket.receive()
                if opcode == CLOSE:
                    self.heard.append(("close", int.from_bytes(payload[:2], "big")))
                    return socket.send(payload, CLOSE)
                if payload == ASK:
                    socket.connection.send(frame(BINARY, bytes(2 * HALF))[:HALF])
                else:
                    socket.send(payload, opcode | (RSV1 if socket.packed else 0), socket.fin)
        except Closed as end:
            self.heard.append(("reset" if end.reset else "closed", None))

    @contextlib.contextmanager
    def listen(self):
        """gives: its address"""
        if self.kind == "h2c":
            with H2Sockets(lambda socket: self._serve(socket, socket.connection.connection), fields=self.fields) as server:
                yield server.address
            return

        @early
        def script(connection, asked):
            connection.send(switching(asked, **dict(self.fields)))
            self._serve(Socket(connection, masks=False), connection)
        server = Upstream(script)
        yield server.address
        server.stop()

    def arrived(self):
        """gives: what has come of the newest socket's next frame, its head left out"""
        return len(self.open[-1][0].connection.reader.buffer)


def dial(kind, port, mode):
    """gives: a client's socket, on which a message has gone both ways, and its connection"""
    fields = [EXTENSION] if mode == "inflated" else []
    socket = H2WebSocket(port, "/a", fields) if kind == "h2c" else WebSocket(port, "/a", fields)
    packed = mode == "inflated"
    said = Deflate().pack(SAY) if packed else SAY
    socket.connection.send(frame(TEXT | (RSV1 if packed else 0), said, b"mask"))
    assert socket.receive() == (TEXT, said) and socket.packed == packed
    return socket, socket.client if kind == "h2c" else socket.connection


def begin(socket, side, mode, behind):
    """Half a message of that side is under way, as far as it gets."""
    if side == "upstream":
        socket.send(ASK)
        assert len(socket.connection.reader.take(HALF)) == HALF
    elif mode == "held":      # a whole frame, of a message that is not: only the ping behind it gets through
        socket.send(SAY[:5], TEXT, fin=False).send("p", PING)
        assert socket.receive() == (PING, b"p")
    else:
        packed = RSV1 if mode == "inflated" else 0
        data = Deflate().pack(random.Random(1).randbytes(2 * HALF)) if packed else bytes(2 * HALF)
        socket.connection.send(frame(BINARY | packed, data, b"mask")[:HALF])
        wait_until(lambda: behind.arrived() == HALF - 8, "half a frame has come")


def heard_by(socket):
    """gives: how a client's socket ends"""
    try:
        return "close", socket.close_code()[0]
    except Closed as end:
        return "reset" if end.reset else "closed", None


@pytest.mark.parametrize("half_of", ["client", "upstream"])
@pytest.mark.parametrize("resets", ["client", "upstream"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("client, upstream", [("h1", "h1"), ("h1", "h2c"), ("h2c", "h1"), ("h2c", "h2c")])
def test_a_reset_within_a_message(gateway, client, upstream, mode, resets, half_of):
    """Who is left gets a Close, unless half a frame of the other side has reached it."""
    behind = Sockets(upstream, mode)
    with behind.listen() as address:
        one = gateway(config(address, upstream, ', upgrade = "websocket"', MODES[mode]))
        socket, connection = dial(client, one.port, mode)
        begin(socket, half_of, mode, behind)
        expect_open(one, 1)
        one.wait_for_metric(1, "sluice_tunnels", route="all")
        cut = resets == half_of and (mode, half_of) != ("held", "client")
        if resets == "client":
            reset(connection.socket)
            wait_until(lambda: behind.heard, "the upstream has heard")
            assert behind.heard == [("reset", None) if cut else ("close", 1001)]
        else:
            reset_upstream(behind.open[0][1])
            assert heard_by(socket) == (("reset", None) if cut else ("close", 1011))
            if client == "h2c":   # of HTTP/2 the stream alone
                assert connection.ask("GET", "/nowhere").status == 404
            connection.socket.close()
        ends = wait_until(lambda: [line for line in one.access_log() if "closed" in line], "the end has its record")
        assert [line["closed"] for line in ends] == [f"{resets}_lost"]
        assert one.metric("sluice_tunnels_ended_total") == one.metric("sluice_tunnels_ended_total", reason=f"{resets}_lost") == 1
        one.wait_for_metric(0, "sluice_tunnels", route="all")
        expect_open(one, 0)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", KINDS)
def test_many_resets_leave_nothing(gateway, kind, mode):
    behind = Sockets(kind, mode)
    with behind.listen() as address:
        one = gateway(config(address, kind, ', upgrade = "websocket"', MODES[mode]))

        def round_of(count):
            """gives: bytes that the gateway holds when all has ended"""
            for number in range(count):
                socket, connection = dial(kind, one.port, mode)
                begin(socket, "client", mode, behind)
                if number % 2:
                    reset(connection.socket)
                    continue
                reset_upstream(behind.open[-1][1])
                heard_by(socket)
                connection.socket.close()
            one.wait_for_metric(0, "sluice_tunnels", route="all")
            expect_open(one, 0)
            return one.metric("sluice_traffic_memory_bytes")
        before = round_of(4)
        quiet = one.open_files()
        round_of(40)
        wait_until(lambda: one.open_files() <= quiet, "no descriptor is left")
        wait_until(lambda: one.metric("sluice_traffic_memory_bytes") <= before + TOLD_BYTES, "no memory is left")
        ended = {side: one.metric("sluice_tunnels_ended_total", reason=f"{side}_lost") for side in ("client", "upstream")}
        assert ended == {"client": 22, "upstream": 22}

"""Clients that abuse HTTP/2: told to calm down and closed, counted, at a bounded price, and nobody else notices."""
import select
import struct

import pytest
from hpack import Encoder
from support.gateway import settings
from support.h2_client import H2Client
from support.timing import SLOW, wait_until
from support.upstream import early

MEGABYTE = 1 << 20
CALM = 11
HEAD = [(":method", "GET"), (":scheme", "http"), (":authority", "localhost"), (":path", "/")]
MORE = """
[listen.hasty]
address = "127.0.0.1:@hasty@"
protocols = ["h2c"]
timeout = { header = "300ms", body = "400ms", write = "400ms" }
http2 = { stalls = 3, continuations = 3, pings = 5 }
[route.own]
match = { path = "/own" }
respond = { status = 200, body = "own" }
"""


@early
def large(connection, received):
    """/N: that many MiB; /wait: nothing."""
    if received.target == "/wait":
        return connection.wait_for_end()
    size = int(received.target[1:] or 0) * MEGABYTE
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
    for _ in range(size // MEGABYTE):
        if not connection.open:
            return
        connection.send(b"z" * MEGABYTE)


@pytest.fixture(scope="module")
def site(shared_gateway, shared_upstream):
    return shared_gateway(settings(shared_upstream(large), listen='protocols = ["h1", "h2c"]', more=MORE))


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def flood(site, limit, pieces, port=None):
    """Sends until it is closed. gives: how many pieces it took"""
    before = site.metric("sluice_http2_abuses_total", listener="plain", limit=limit)
    resident, cpu = site.resident_bytes(), site.cpu_seconds()
    sent = 0
    with H2Client(port or site.port, by_hand=True) as client:
        client.receive()
        for piece in pieces:
            if select.select([client.socket], [], [], 0)[0]:
                client.receive()
            if client.closed or client.goaway is not None:
                break
            client.raw(piece)
            sent += 1
        assert client.wait_for_goaway() == CALM
    listener = "hasty" if port else "plain"
    if port:
        before = 0
    wait_until(lambda: site.metric("sluice_http2_abuses_total", listener=listener, limit=limit) > before, "it is counted")
    assert site.ask("GET", "/own").body == b"own"
    assert site.resident_bytes() - resident < 16 * MEGABYTE * SLOW
    assert site.cpu_seconds() - cpu < 2 * SLOW
    return sent


def test_rapid_reset(site):
    encoder = Encoder()
    flood(site, "resets", (frame(1, 5, n, encoder.encode(HEAD)) + frame(3, 0, n, struct.pack(">I", 8))
                           for n in range(1, 100_000, 2)))


def test_who_stops_uploads_that_are_answered_already_resets_nothing(site):
    """Go's client ends each upload that was refused so."""
    before = site.metric("sluice_http2_abuses_total", listener="plain", limit="resets")
    upload = [("content-length", "9"), *((key, "POST" if key == ":method" else value) for key, value in HEAD)]
    with H2Client(site.port) as client:
        for _ in range(30):
            streams = [client.begin(fields=sorted(upload), end=False, pseudo=False) for _ in range(50)]
            for stream in streams:
                assert client.finish(stream).status == 200
            client.raw(b"".join(frame(3, 0, stream, struct.pack(">I", 8)) for stream in streams))
        assert client.ask("GET", "/own").body == b"own" and client.goaway is None
    assert site.metric("sluice_http2_abuses_total", listener="plain", limit="resets") == before


def test_streams_beyond_the_allowed_ones(site):
    """A client that has been told how many it may open, and opens more: a broken one."""
    encoder = Encoder()
    slow = [(key, "/1" if key == ":path" else value) for key, value in HEAD]   # waits for a window
    with H2Client(site.port) as client:
        client.wait(lambda: client.h2.remote_settings.max_concurrent_streams == 128, "SETTINGS")
        client.raw(b"".join(frame(1, 5, n, encoder.encode(slow)) for n in range(1, 400, 2)))
        assert client.wait_for_goaway() == 1                                   # PROTOCOL_ERROR
    wait_until(lambda: site.metric("sluice_upstream_requests_in_flight", upstream="main") == 0, "upstreams are free")


def test_continuations(site):
    def pieces():
        yield frame(1, 1, 1, Encoder().encode(HEAD))
        for n in range(10_000):
            yield frame(9, 0, 1, Encoder().encode([(f"x-{n}", "y" * 1000)]))
    assert flood(site, "continuations", pieces()) < 10_000


FRAMES = {"pings": frame(6, 0, 0, b"12345678"), "settings": frame(4, 0, 0),
          "windows": frame(8, 0, 0, struct.pack(">I", 1)), "priorities": frame(2, 0, 3, b"\0\0\0\0\1")}


@pytest.mark.parametrize("limit, most", [("pings", 5), ("continuations", 3)])
def test_the_numbers_are_the_listeners(site, limit, most):
    """As many are taken, one more is not."""
    def pieces(count):
        if limit == "pings":
            return FRAMES["pings"] * count
        more = [frame(9, 4 if n == count else 0, 1, Encoder().encode([("x", "y")])) for n in range(1, count + 1)]
        return frame(1, 1, 1, Encoder().encode(HEAD)) + b"".join(more)
    with H2Client(site.hasty, by_hand=True) as client:
        client.raw(pieces(most) + frame(8, 0, 0, struct.pack(">I", 0)))     # what follows is a mistake of another sort
        assert client.wait_for_goaway() == 1
    flood(site, limit, [pieces(most + 1)], port=site.hasty)


@pytest.mark.parametrize("limit, frames", [("pings", "pings"), ("settings", "settings"), ("control_frames", "windows"),
                                           ("control_frames", "priorities")])
def test_frames_that_ask_for_nothing(site, limit, frames):
    flood(site, limit, (FRAMES[frames] * 50 for _ in range(1000)))


def test_a_download_pays_for_pings_and_windows(site):
    """Clients of gRPC in Go and Java send a PING whenever something comes; Go's opens both windows for each 4 KiB read."""
    with H2Client(site.port, windows=False) as client:
        client.h2.update_settings({4: 4 << 20})               # SETTINGS_INITIAL_WINDOW_SIZE
        client.h2.increment_flow_control_window(64 << 20)
        stream = client.begin("GET", "/48")
        reply, read = client.replies[stream], 0
        while not reply.whole and client.goaway is None:
            assert client.receive(), "closed"
            while not reply.whole and read + 4096 <= len(reply.body):
                client.h2.increment_flow_control_window(4096)
                client.h2.increment_flow_control_window(4096, stream)
                read += 4096
                if read % 16384 == 0:
                    client.h2.ping(b"12345678")
            client.flush()
        assert (client.goaway, len(reply.body)) == (None, 48 * MEGABYTE)


def test_empty_data(site):
    post = [(":method", "POST"), *HEAD[1:3], (":path", "/wait")]
    flood(site, "empty_frames", [frame(1, 4, 1, Encoder().encode(post)), *[frame(0, 0, 1) * 100] * 100])


def test_hpack_bomb(site):
    """One large entry in the table, then a byte for each use of it."""
    head = Encoder().encode(HEAD) + b"\x40\x01x\x7f\x80\x1d" + b"b" * (127 + 3712)
    flood(site, "header_bytes", [frame(1, 1, 1, head), frame(9, 4, 1, b"\xbe" * 16_000)])


def test_a_head_that_does_not_end(site):
    flood(site, "slow_head", [frame(1, 1, 1, Encoder().encode(HEAD))], port=site.hasty)


def test_closed_windows(site):
    """Streams that nobody reads are reset after timeout.write; many of them end the connection."""
    with H2Client(site.hasty, windows=False) as client:
        reply = client.finish(client.begin("GET", "/1"))
        assert reply.reset == 8 and len(reply.body) == 65535
        assert client.ask("GET", "/own").body == b""          # the connection's window is used up too
        assert client.goaway is None
    with H2Client(site.hasty, windows=False) as client:
        for _ in range(20):
            client.begin("GET", "/1")
        assert client.wait_for_goaway() == CALM
    wait_until(lambda: site.metric("sluice_http2_abuses_total", listener="hasty", limit="stalls") == 1, "it is counted")
    wait_until(lambda: site.metric("sluice_upstream_requests_in_flight", upstream="main") == 0, "upstreams are free")


def test_windows_opened_in_crumbs(site):
    """CVE-2019-9511: a body that leaves byte by byte, for a frame each."""
    tiny = frame(4, 0, 0, struct.pack(">HI", 4, 0))           # SETTINGS_INITIAL_WINDOW_SIZE of nothing
    head = [(key, "/1" if key == ":path" else value) for key, value in HEAD]
    crumbs = frame(8, 0, 1, struct.pack(">I", 1)) * 100
    flood(site, "control_frames", [tiny + frame(1, 5, 1, Encoder().encode(head)), *[crumbs] * 1000])


def test_open_windows_of_a_client_that_reads_nothing(site):
    """What its TCP does not take waits within bounds, and timeout.write ends it."""
    resident, most = site.resident_bytes(), 0

    def is_closed():
        nonlocal most
        most = max(most, site.resident_bytes())
        return site.metric("sluice_connections", listener="hasty") == 0
    with H2Client(site.hasty, receive_buffer=4096) as client:
        client.receive()
        client.raw(frame(8, 0, 0, struct.pack(">I", 1 << 30)) + frame(4, 0, 0, struct.pack(">HI", 4, 1 << 30)))
        for _ in range(8):
            client.begin("GET", "/8")
        wait_until(is_closed, "it is closed")

    def records():
        return [(line["status"], line.get("aborted")) for line in site.access_log() if line.get("path") == "/8"]
    wait_until(lambda: records() == [(200, "client")] * 8, "all were under way")
    assert site.metric("sluice_http2_abuses_total", listener="hasty", limit="slow_read") == 1
    assert most - resident < 4 * MEGABYTE * SLOW                       # of 64 MiB that are asked for
    wait_until(lambda: site.metric("sluice_upstream_requests_in_flight", upstream="main") == 0, "upstreams are free")


def test_a_body_that_does_not_come(site):
    with H2Client(site.hasty) as client:
        reply = client.finish(client.begin("POST", "/wait", [("content-length", "5")], end=False))
        assert reply.status == 408
        assert client.ask("GET", "/own").body == b"own"

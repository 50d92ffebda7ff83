"""Large bodies each way past a slow reader, in every mix of versions, plain and TLS: less than 1 MiB of resident memory
above idle (G8, F8). The slow side takes 8 MiB at 26 MB/s; SLUICE_FULL=1 makes it 100 MiB at 1 MB/s, in half an hour."""
import os
import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.client import Client
from support.gateway import settings
from support.h2_client import H2Client
from support.h2_upstream import H2Upstream
from support.timing import DEADLINE_SECONDS
from support.upstream import early, response

pytestmark = pytest.mark.plain_build

MIB = 1 << 20
FULL = bool(os.environ.get("SLUICE_FULL"))
SIZE = (100 if FULL else 8) * MIB
SLACK = MIB
PIECE = bytes(65536)
PAUSE = len(PIECE) / (1e6 if FULL else 26e6)
VERSIONS = ("h1", "h1+tls", "h2c", "h2")
LIMITS = 'limits = { body = "1GiB" }'


class Pace:
    """Sleeps after each 64 KiB."""

    def __init__(self):
        self.moved = 0

    def count(self, size):
        self.moved += size
        while self.moved >= len(PIECE):
            self.moved -= len(PIECE)
            time.sleep(PAUSE)


class Peak:
    """Samples the gateway's resident memory while something runs."""

    def __init__(self, gateway):
        self.gateway, self.bytes, self.over = gateway, 0, threading.Event()

    def __enter__(self):
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        return self

    def _run(self):
        while not self.over.wait(0.02):
            self.bytes = max(self.bytes, self.gateway.resident_bytes())

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


# ---- Upstreams: GET /.../SIZE sends as much at once, POST takes its body slowly and says how much it was


@early
def over_h1(connection, received):
    if received.method == "GET":
        left = int(received.target.rpartition("/")[2])
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % left)
        while left and connection.open:
            connection.send(PIECE[:left])
            left -= min(left, len(PIECE))
        return
    size = int(received.get("Content-Length"))
    pace, left = Pace(), size - len(connection.reader.buffer)
    connection.reader.buffer.clear()
    while left:
        data = connection.socket.recv(len(PIECE))
        assert data
        left -= len(data)
        pace.count(len(data))
    connection.body_read = True
    connection.send(response(body=b"%d" % size))


def over_h2(connection, received):
    received.pace, received.taken = Pace(), 0
    if received.get(":method") == "GET":
        size = int(received.get(":path").rpartition("/")[2])
        connection.h2.send_headers(received.stream, [(":status", "200"), ("content-length", str(size))])
        connection.send_large(received.stream, size)


def take_slowly(connection, received, data):
    received.body, received.arrived = b"", queue.SimpleQueue()      # counted, not kept
    received.taken += len(data)
    received.pace.count(len(data))
    if data and received.taken == int(received.get("content-length")):      # an empty one may be the end
        connection.answer(received, b"%d" % received.taken)


# ---- Clients


class H1:
    def __init__(self, port, tls):
        self.client = Client(port, tls=tls, receive_buffer=len(PIECE))

    def download(self, path):
        pace = Pace()
        self.client.send(b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % path.encode())
        head = self.client.reader.head()
        assert head.status == 200
        got, size = len(self.client.reader.buffer), int(head.get("Content-Length"))
        self.client.reader.buffer.clear()
        while got < size:
            data = self.client.socket.recv(len(PIECE))
            assert data, f"cut after {got}"
            got += len(data)
            pace.count(len(data))
        return got

    def upload(self, path, size):
        self.client.socket.settimeout(2 * size / len(PIECE) * PAUSE + DEADLINE_SECONDS)
        self.client.send(b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % (path.encode(), size))
        for _ in range(size // len(PIECE)):
            self.client.send(PIECE)
        return int(self.client.response().body)


class H2:
    def __init__(self, port, tls):
        self.client = H2Client(port, tls=tls, receive_buffer=len(PIECE))

    def download(self, path):
        pace, got = Pace(), 0
        reply = self.client.replies[self.client.begin("GET", path)]
        while not reply.whole:
            assert self.client.receive() and reply.reset is None, f"cut after {got}"
            got += len(reply.body)
            pace.count(len(reply.body))
            reply.body.clear()
        return got

    def upload(self, path, size):
        self.client.socket.settimeout(2 * size / len(PIECE) * PAUSE + DEADLINE_SECONDS)
        stream = self.client.begin("POST", path, [("content-length", str(size))], end=False)
        for _ in range(size // len(PIECE)):
            self.client.send_body(stream, PIECE, end=False)
        self.client.send_body(stream, b"")
        return int(self.client.finish(stream).body)


# ---- The mixes


@pytest.fixture(scope="module")
def sites(shared_gateway, shared_upstream, authority):
    """Two gateways, one for each way, with listeners and upstreams of each version; the route /NAME leads to the upstream
    of that name."""
    def context(version):
        one = authority.server_context("localhost", "127.0.0.1")
        one.set_alpn_protocols([version])
        return one
    secure = f'tls = {{ ca = "{authority.cert}", sni = "localhost" }}'
    cert, key = authority.leaf("localhost")
    sections = [f'[listen.secure]\naddress = "127.0.0.1:@tls@"\ntls = "site"\n{LIMITS}\n'
                f'[tls.site]\ncertificates = [{{ cert = "{cert}", key = "{key}" }}]']
    with H2Upstream(over_h2, early=True, on_data=take_slowly) as h2c, \
            H2Upstream(over_h2, early=True, on_data=take_slowly, tls=context("h2")) as h2:
        plain = shared_upstream(over_h1, receive_buffer=len(PIECE))
        tls = shared_upstream(over_h1, receive_buffer=len(PIECE), tls=context("http/1.1"))
        for name, behind, lines in (("h1", plain, ""), ("h1+tls", tls, secure), ("h2c", h2c, 'protocol = "h2c"'),
                                    ("h2", h2, f'protocol = "h2"\n{secure}')):
            name = name.replace("+", "_")
            sections.append(f'[upstream.{name}]\nservers = ["{behind.address}"]\n{lines}\n'
                            f'[route.{name}]\nmatch = {{ path = "/{name}/**" }}\nupstream = "{name}"')
        text = settings(listen=f'protocols = ["h1", "h2c"]\n{LIMITS}', more="\n".join(sections))
        yield shared_gateway(text), shared_gateway(text)


def connect(site, authority, version):
    tls = None
    if version in ("h2", "h1+tls"):
        tls = authority.client_context(alpn=["h2" if version == "h2" else "http/1.1"])
    return (H2 if version.startswith("h2") else H1)(site.tls if tls else site.port, tls)


def grown(site, peer, path, way):
    """gives: bytes of resident memory above idle while the body moved, and its seconds"""
    move = peer.download if way == "down" else peer.upload
    size = (lambda size: (f"{path}{size}",)) if way == "down" else (lambda size: (path, size))
    with peer.client:
        assert move(*size(MIB)) == MIB      # warm: code paged in, pools filled
        idle, began = site.resident_bytes(), time.monotonic()
        with Peak(site) as peak:
            assert move(*size(SIZE)) == SIZE
    return peak.bytes - idle, time.monotonic() - began


@pytest.mark.parametrize("behind", VERSIONS)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_slow_reader_of_large_bodies_costs_little_memory(sites, authority, version, behind):
    path = f"/{behind.replace('+', '_')}/"
    with ThreadPoolExecutor(len(sites)) as pool:
        ways = {way: pool.submit(grown, site, connect(site, authority, version), path, way)
                for way, site in zip(("down", "up"), sites)}
        found = {way: future.result() for way, future in ways.items()}
    said = {way: f"{most / 1024:.0f} KiB, {SIZE / 1e6 / seconds:.2f} MB/s" for way, (most, seconds) in found.items()}
    print(said)
    assert max(most for most, _ in found.values()) < SLACK, said

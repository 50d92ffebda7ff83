"""100 MiB each way past a slow peer leave resident memory under 1 MiB above idle (G8, F8).

The slow side moves 12 MB/s in ordinary runs; SLUICE_FULL=1 makes it the 1 MB/s of the promise.
"""
import os
import socket
import threading
import time

import pytest
from support.client import Client, request
from support.gateway import settings
from support.timing import DEADLINE_SECONDS
from support.upstream import early, response

pytestmark = pytest.mark.plain_build

SIZE = 100 << 20
RATE = 1_000_000 if os.environ.get("SLUICE_FULL") else 12_000_000    # bytes a second
SLACK = 1 << 20
PIECE = bytes(range(256)) * 256


class Pace:
    """Holds a transfer to RATE."""

    def __init__(self):
        self.started, self.moved = time.monotonic(), 0

    def count(self, size):
        self.moved += size
        ahead = self.moved / RATE - (time.monotonic() - self.started)
        if ahead > 0:
            time.sleep(ahead)


class Peak:
    """Samples the gateway's resident memory while something runs."""

    def __init__(self, gateway):
        self.gateway, self.bytes, self.over = gateway, 0, threading.Event()

    def __enter__(self):
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        return self

    def _run(self):
        while not self.over.wait(0.05):
            self.bytes = max(self.bytes, self.gateway.resident_bytes())

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


@pytest.fixture(params=["plain", "tls"])
def measured(request, gateway, upstream, authority):
    """gives: (gateway, upstream, connect) with the gateway warm: code paged in, pools filled"""
    cert, key = authority.leaf("localhost")
    behind = upstream(script)
    limits = 'limits = { body = "1GiB" }'
    one = gateway(settings(behind, listen=limits, more=f"""
[listen.secure]
address = "127.0.0.1:@tls@"
{limits}
tls = "site"
[tls.site]
certificates = [{{ cert = "{cert}", key = "{key}" }}]
"""))

    def connect():
        if request.param == "tls":
            return Client(one.tls, tls=authority.client_context(), receive_buffer=65536)
        return Client(one.port, receive_buffer=65536)

    for target in ("/download?4000000", "/small"):
        with connect() as client:
            assert client.ask("GET", target).status == 200
    with connect() as client:
        assert client.ask("POST", "/upload", body=bytes(4_000_000)).status == 200
    return one, behind, connect


@early
def script(connection, received):
    path, _, size = received.target.partition("?")
    if path == "/download":
        left = int(size)
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % left)
        while left and connection.open:
            connection.send(PIECE[:left])
            left -= min(left, len(PIECE))
    elif path == "/slow-upload":
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        pace, left = Pace(), int(received.get("Content-Length")) - len(connection.reader.buffer)
        connection.reader.buffer.clear()
        while left:
            data = connection.socket.recv(65536)
            assert data
            left -= len(data)
            pace.count(len(data))
        connection.body_read = True
        connection.send(response(body=b"taken"))
    else:
        connection.read_body(received)
        connection.send(response())


def test_download_by_a_slow_reader(measured):
    gateway, _, connect = measured
    idle = gateway.resident_bytes()
    with connect() as client, Peak(gateway) as peak:
        client.send(request(target=f"/download?{SIZE}"))
        assert client.reader.head().status == 200
        pace = Pace()
        got = len(client.reader.buffer)
        pace.count(got)
        while got < SIZE:
            data = client.socket.recv(65536)
            assert data, f"cut after {got}"
            got += len(data)
            pace.count(len(data))
    assert peak.bytes - idle < SLACK, f"{(peak.bytes - idle) / 1024:.0f} KiB above idle"


def test_upload_to_a_slow_reader(measured):
    gateway, _, connect = measured
    idle = gateway.resident_bytes()
    with connect() as client, Peak(gateway) as peak:
        client.socket.settimeout(SIZE / RATE + DEADLINE_SECONDS)
        client.send(f"POST /slow-upload HTTP/1.1\r\nHost: a\r\nContent-Length: {SIZE}\r\n\r\n".encode())
        for _ in range(SIZE // len(PIECE)):
            client.send(PIECE)
        assert client.response().body == b"taken"
    assert peak.bytes - idle < SLACK, f"{(peak.bytes - idle) / 1024:.0f} KiB above idle"

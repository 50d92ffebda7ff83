"""Large plain bodies go from socket to socket inside the kernel (splice): the same bytes, the same
framing and the same ends as those that are read."""
import hashlib
import os
import threading
import time

import pytest
from support.client import Client, request
from support.gateway import settings
from support.message import Closed
from support.timing import sanitizer, wait_until
from support.upstream import early, in_turn, response

MEGABYTE = 1 << 20
LARGE = (20 if sanitizer() else 100) * MEGABYTE
PIPES = 32
LIMITS = 'limits = { body = "1GiB" }'
SEED = os.urandom(4 * MEGABYTE + 13)       # no multiple of a page: every shift shows
pytestmark = pytest.mark.threads


def bytes_of(size):
    """The body of that size, in pieces."""
    whole, rest = divmod(size, len(SEED))
    return [SEED] * whole + [SEED[:rest]]


def digest(pieces):
    found = hashlib.sha256()
    for piece in pieces:
        found.update(piece)
    return found.hexdigest()


def read_pieces(reader, socket, size):
    """The next `size` bytes as they come."""
    got = bytes(reader.buffer[:size])
    del reader.buffer[:len(got)]
    yield got
    left = size - len(got)
    while left:
        data = socket.recv(min(left, 262144))
        if not data:
            raise Closed(b"", reset=False)
        left -= len(data)
        yield data


@early
def files(connection, received):
    """GET /N gives N bytes; POST gives the digest of what came."""
    if received.method == "POST":
        size = int(received.get("Content-Length"))
        connection.body_read = True
        pieces = read_pieces(connection.reader, connection.socket, size)
        connection.send(response(body=digest(pieces).encode()))
        return
    size = int(received.target[1:])
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nETag: \"x\"\r\n\r\n" % size)
    for piece in [] if received.method == "HEAD" else bytes_of(size):
        if connection.open:
            connection.send(piece)


def download(client, size, target=None):
    client.send(request(target=target or f"/{size}"))
    return body_digest(client, size)


def body_digest(client, size):
    head = client.reader.head()
    assert head.status == 200
    assert head.get("Content-Length") == str(size)
    return digest(read_pieces(client.reader, client.socket, size))


def upload(client, size):
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size)
    for piece in bytes_of(size):
        client.send(piece)
    return client.response().body.decode()


def spliced(gateway):
    return gateway.metric("sluice_spliced_bytes_total")


def test_a_download_is_spliced_and_the_connections_go_on(proxied):
    gateway, upstream = proxied(files)
    with gateway.client() as client:
        assert download(client, LARGE) == digest(bytes_of(LARGE))
        assert client.ask(target="/5").body == SEED[:5]
        assert download(client, 3 * MEGABYTE) == digest(bytes_of(3 * MEGABYTE))
        wait_until(lambda: spliced(gateway) > LARGE, "the second has ended")
    assert spliced(gateway) <= LARGE + 3 * MEGABYTE
    assert len(upstream.connections) == 1
    lines = gateway.access_log(3)
    assert [line["response_bytes"] for line in lines] == [LARGE, 5, 3 * MEGABYTE]


@pytest.mark.parametrize("waits", ["upstream", "client"])
def test_a_spliced_body_that_stands_still_costs_nothing(proxied, waits):
    """Neither an upstream that sends no more for now nor a client that takes no more keeps the worker awake."""
    size, go_on = 16 * MEGABYTE, threading.Event()

    @early
    def halting(connection, _):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        for number, piece in enumerate(bytes_of(size)):
            connection.send(piece)
            if waits == "upstream" and number == 1:
                go_on.wait(20)
    gateway, _ = proxied(halting)
    with gateway.client() as client:
        client.send(request(target="/"))
        assert client.reader.head().status == 200
        pieces = read_pieces(client.reader, client.socket, size)
        got = b""
        while len(got) < (2 * len(SEED) if waits == "upstream" else MEGABYTE):
            got += next(pieces)
        time.sleep(0.3)              # what is under way arrives
        used = gateway.cpu_seconds()
        time.sleep(1)
        assert gateway.cpu_seconds() - used < 0.2
        go_on.set()
        assert digest([got, *pieces]) == digest(bytes_of(size))


def test_an_upload_is_spliced_and_the_connections_go_on(proxied):
    gateway, upstream = proxied(files, listen=LIMITS)
    with gateway.client() as client:
        assert upload(client, LARGE) == digest(bytes_of(LARGE))
        assert client.ask(target="/5").body == SEED[:5]
        assert upload(client, 3 * MEGABYTE) == digest(bytes_of(3 * MEGABYTE))
        wait_until(lambda: spliced(gateway) > LARGE, "the second has ended")
    assert len(upstream.connections) == 1
    lines = gateway.access_log(3)
    assert [line["request_bytes"] for line in lines] == [LARGE, 0, 3 * MEGABYTE]


@pytest.mark.parametrize("size", [262_143, 262_144, 262_145, MEGABYTE - 1, MEGABYTE + 1, 5_000_001])
def test_sizes_around_every_limit_both_ways(proxied, size):
    gateway, _ = proxied(files)
    with gateway.client() as client:
        for _ in range(3):
            assert download(client, size) == digest(bytes_of(size))
            assert upload(client, size) == digest(bytes_of(size))


def test_bodies_that_find_no_pipe_are_read_and_written(proxied):
    """40 slow downloads at once, of which 32 hold the pipes: every body is whole."""
    size, clients = 8 * MEGABYTE, 40
    gateway, _ = proxied(files)
    waiting = [gateway.client(receive_buffer=65536) for _ in range(clients)]
    for client in waiting:
        client.send(request(target=f"/{size}"))
    for client in waiting:            # every one has begun, and none can be over
        client.reader.until(b"\r\n\r\n")
    expected = digest(bytes_of(size))
    found = []

    def read(client):
        found.append(digest(read_pieces(client.reader, client.socket, size)))
        client.socket.close()

    readers = [threading.Thread(target=read, args=(client,), daemon=True) for client in waiting]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert found == [expected] * clients
    wait_until(lambda: gateway.metric("sluice_http_responses_total", status="200") == clients,
               "all have ended")
    assert 0 < spliced(gateway) <= PIPES * size


def test_pipelined_requests_behind_a_spliced_upload_are_answered_in_turn(proxied):
    gateway, _ = proxied(files)
    size = 2 * MEGABYTE
    with gateway.client() as client:
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size)
        pieces = bytes_of(size)
        for piece in pieces[:-1]:
            client.send(piece)
        client.send(pieces[-1] + request(target="/7") + request(target="/400000") +
                    request(target="/9"))
        assert client.response().body.decode() == digest(pieces)
        assert client.response().body == SEED[:7]
        assert client.response().body == SEED[:400_000]
        assert client.response().body == SEED[:9]


def test_a_request_pipelined_during_a_spliced_download_waits_for_its_turn(proxied):
    gateway, upstream = proxied(files)
    size = 8 * MEGABYTE
    with gateway.client(receive_buffer=65536) as client:
        client.send(request(target=f"/{size}"))
        client.reader.until(b"\r\n\r\n")
        client.send(request(target="/6"))
        assert digest(read_pieces(client.reader, client.socket, size)) == digest(bytes_of(size))
        assert client.response().body == SEED[:6]
    assert len(upstream.requests) == 2


def test_a_client_that_goes_away_frees_the_upstream(proxied):
    gateway, upstream = proxied(files)
    for way in ("reset", "close"):
        client = gateway.client(receive_buffer=65536)
        client.send(request(target=f"/{LARGE}"))
        client.reader.until(b"\r\n\r\n")
        wait_until(lambda: gateway.metric("sluice_connections", listener="plain") == 1, "it is there")
        client.reset() if way == "reset" else client.socket.close()
        wait_until(lambda: gateway.metric("sluice_connections", listener="plain") == 0, "it is gone")
        wait_until(lambda: upstream.connections[-1].ended, "the upstream is told")
    with gateway.client() as client:   # the pipes that were closed with bytes in them are replaced
        assert download(client, 3 * MEGABYTE) == digest(bytes_of(3 * MEGABYTE))


@pytest.mark.parametrize("way", ["close", "reset"])
def test_an_upstream_that_dies_midway_cuts_the_client_off(proxied, way):
    @early
    def half(connection, received):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (8 * MEGABYTE))
        for piece in bytes_of(6 * MEGABYTE):
            connection.send(piece)
        connection.close() if way == "close" else connection.reset()

    gateway, _ = proxied(in_turn(half, files))
    with gateway.client() as client:
        client.send(request())
        head = client.reader.head()
        assert head.get("Content-Length") == str(8 * MEGABYTE)
        got = client.read_to_end()
        assert len(got) == 6 * MEGABYTE if way == "close" else len(got) <= 6 * MEGABYTE
        assert SEED.startswith(got[:len(SEED)])
    assert gateway.access_log(1)[0]["problem"] == "upstream_closed"
    with gateway.client() as client:
        assert download(client, MEGABYTE) == digest(bytes_of(MEGABYTE))


def test_an_upload_that_ends_early_is_refused(proxied):
    gateway, upstream = proxied(files)
    with gateway.client() as client:
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (8 * MEGABYTE))
        client.send(SEED[:3 * MEGABYTE])
        wait_until(lambda: upstream.requests, "the upstream has the head")
        client.half_close()
        assert client.response().status == 400
    wait_until(lambda: upstream.connections[0].ended, "the upstream never takes it for whole")


def test_an_upload_that_stalls_is_timed_out(proxied):
    gateway, upstream = proxied(files, listen='timeout = { body = "300ms" }')
    with gateway.client() as client:
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (8 * MEGABYTE))
        client.send(SEED[:3 * MEGABYTE])
        assert client.response().status == 408
    wait_until(lambda: upstream.connections[0].ended, "the upstream never takes it for whole")


def test_an_upload_that_is_answered_early(proxied):
    @early
    def refuse(connection, received):
        next(read_pieces(connection.reader, connection.socket, MEGABYTE))
        connection.send(response(403, b"no thanks", [("Connection", "close")]))
        connection.close()

    gateway, _ = proxied(refuse)
    with gateway.client() as client:
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n\r\n")

        def send():
            try:
                client.socket.sendall(SEED + SEED)
            except OSError:
                pass   # the connection ends with the answer
        threading.Thread(target=send, daemon=True).start()
        assert client.response().status == 403


def test_an_http10_client_gets_a_body_without_length_until_the_close(proxied):
    @early
    def until_close(connection, received):
        connection.send(b"HTTP/1.0 200 OK\r\n\r\n")
        for piece in bytes_of(9 * MEGABYTE):
            connection.send(piece)
        connection.close()

    gateway, _ = proxied(until_close)
    with gateway.client() as client:
        client.send(b"GET / HTTP/1.0\r\nHost: a\r\n\r\n")
        assert client.reader.head().status == 200
        assert digest([client.read_to_end()]) == digest(bytes_of(9 * MEGABYTE))
    wait_until(lambda: spliced(gateway) > MEGABYTE, "spliced to its end")


def test_chunked_bodies_are_not_spliced(proxied):
    @early
    def chunked(connection, received):
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for piece in bytes_of(6 * MEGABYTE):
            connection.send(b"%x\r\n" % len(piece) + piece + b"\r\n")
        connection.send(b"0\r\n\r\n")

    gateway, _ = proxied(chunked)
    assert digest([gateway.ask().body]) == digest(bytes_of(6 * MEGABYTE))
    assert spliced(gateway) == 0


def test_head_and_ranges_of_a_large_file(proxied):
    @early
    def part(connection, received):
        first, last = map(int, received.get("Range").removeprefix("bytes=").split("-"))
        connection.send(b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes %d-%d/%d\r\n"
                        b"Content-Length: %d\r\n\r\n" % (first, last, len(SEED), last - first + 1))
        connection.send(SEED[first:last + 1])

    gateway, _ = proxied(in_turn(files, part, files))
    with gateway.client() as client:
        head = client.ask("HEAD", f"/{LARGE}")
        assert (head.status, head.get("Content-Length"), head.body) == (200, str(LARGE), b"")
        middle = client.ask(fields=[("Range", "bytes=1000-2000999")])
        assert (middle.status, middle.get("Content-Range")) == (206, f"bytes 1000-2000999/{len(SEED)}")
        assert middle.body == SEED[1000:2001000]
        assert client.ask(target="/5").body == SEED[:5]


def test_a_body_over_tls_is_read_and_written(gateway, upstream, authority):
    cert, key = authority.leaf("localhost")
    one = gateway(settings(upstream(files), more=f"""
[listen.secure]
address = "127.0.0.1:@tls@"
tls = "site"
[tls.site]
certificates = [{{ cert = "{cert}", key = "{key}" }}]
"""))
    with Client(one.tls, tls=authority.client_context()) as client:
        assert download(client, 3 * MEGABYTE) == digest(bytes_of(3 * MEGABYTE))
    assert spliced(one) == 0


def test_through_unix_sockets(gateway, upstream, tmp_path):
    behind = upstream(files, path=tmp_path / "upstream.sock")
    one = gateway(settings(behind))
    with one.client() as client:
        assert download(client, 8 * MEGABYTE) == digest(bytes_of(8 * MEGABYTE))
        assert upload(client, 8 * MEGABYTE) == digest(bytes_of(8 * MEGABYTE))
        assert client.ask(target="/5").body == SEED[:5]
    assert spliced(one) > 8 * MEGABYTE


def test_requests_end_during_a_drain(proxied):
    gateway, _ = proxied(files)
    with gateway.client(receive_buffer=65536) as client:
        client.send(request(target=f"/{8 * MEGABYTE}"))
        client.reader.until(b"\r\n\r\n")
        gateway.signal(15)
        pieces = read_pieces(client.reader, client.socket, 8 * MEGABYTE)
        assert digest(pieces) == digest(bytes_of(8 * MEGABYTE))
        assert client.is_closed()
    assert gateway.wait() == 0

"""Who may be silent, and for how long, when both sides of a request may speak: the listener's patience with a request's
body ends where the response begins, and it is none of a call's of gRPC; then the upstream's holds, for both ways."""
import threading

import pytest
from support.client import Client
from support.gateway import settings
from support.h2_client import H2Client
from support.h2_upstream import H2Upstream
from support.message import Closed
from support.timing import DEADLINE_SECONDS, SLOW
from support.upstream import early

pytestmark = pytest.mark.threads
GRPC = [("content-type", "application/grpc"), ("te", "trailers")]
ROUTES = """
[upstream.plain]
servers = ["{plain}"]
[route.plain]
match = {{ path = "/plain/{{method}}" }}
upstream = "plain"
[route.brief]
match = {{ path = "/brief/{{method}}" }}
rewrite = {{ path = "/{{method}}" }}
upstream = "main"
timeout = {{ response = "{brief}ms", body = "{twice}ms" }}
[route.brief_plain]
match = {{ path = "/plain/brief/{{method}}" }}
rewrite = {{ path = "/{{method}}" }}
upstream = "plain"
timeout = {{ body = "{twice}ms" }}
"""
PIECES = 10      # of a second: three times the listener's patience
over = threading.Event()


def speak(connection, received):
    """A second of messages, in a thread of its own: the connection is read meanwhile. Late: its head is late, too."""
    def run():
        path = received.get(":path")
        if path.endswith("Late"):
            over.wait(0.7)
        with connection.lock:
            connection.h2.send_headers(received.stream, [(":status", "200"), *GRPC[:1]])
            connection.flush()
        for _ in range(0 if path.endswith("Silent") else PIECES):
            over.wait(0.1)
            with connection.lock:
                connection.h2.send_data(received.stream, b"x")
                connection.flush()
        heard = b""
        while (piece := received.arrived.get(timeout=DEADLINE_SECONDS)) is not None and not isinstance(piece, int):
            heard += piece
        if piece is None:
            with connection.lock:
                connection.h2.send_headers(received.stream, [("grpc-status", "0"), ("heard", heard.decode())], end_stream=True)
                connection.flush()
    if not received.get(":path").endswith("Mute"):
        threading.Thread(target=run, daemon=True).start()


@early
def speak_plainly(connection, received):
    connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(0 if received.target.endswith("Silent") else PIECES):
        over.wait(0.1)
        connection.send(b"1\r\nx\r\n")
    if received.target.endswith("Silent"):
        return connection.wait_for_end()
    connection.read_body(received)
    connection.send(b"5\r\n%s\r\n0\r\n\r\n" % received.body[-5:])


@pytest.fixture(scope="module")
def site(shared_gateway, shared_upstream):
    with H2Upstream(speak, early=True) as behind:
        routes = ROUTES.format(plain=shared_upstream(speak_plainly).address, brief=100 * SLOW, twice=200 * SLOW)
        yield shared_gateway(settings(behind, listen=f'protocols = ["h1", "h2c"]\ntimeout = {{ body = "{150 * SLOW}ms" }}',
                                      upstream='protocol = "h2c"', more=routes))
        over.set()


@pytest.mark.parametrize("path, fields", [("/Speak", GRPC), ("/Speak", ()), ("/Late", GRPC)])
def test_a_client_may_be_silent_while_the_server_speaks(site, path, fields):
    with H2Client(site.port) as client:
        stream = client.begin("POST", path, fields, end=False)
        client.send_body(stream, b"begin", end=False)
        reply = client.replies[stream]
        client.wait(lambda: len(reply.body) == PIECES or reply.whole, "all pieces")
        client.send_body(stream, b" end")
        assert client.finish(stream).whole and reply.body == b"x" * PIECES
        assert dict(reply.trailers) == {"grpc-status": "0", "heard": "begin end"}


def test_a_request_without_an_answer_is_late(site):
    with H2Client(site.port) as client:
        assert client.finish(client.begin("POST", "/Mute", end=False)).status == 408


def begin_plainly(client, path):
    client.send(b"POST %s HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegin\r\n" % path)


def test_so_it_is_over_http1(site):
    with Client(site.port) as client:
        begin_plainly(client, b"/plain/Speak")
        head = client.reader.head()
        assert head.status == 200
        for _ in range(PIECES):
            client.reader.until(b"1\r\nx\r\n")
        client.send(b"5\r\n end!\r\n0\r\n\r\n")
        assert client.reader.until(b"0\r\n\r\n") == b"5\r\n end!\r\n0\r\n\r\n"


@pytest.mark.parametrize("path", ["/brief/Silent", "/brief/Mute"])
def test_silence_on_both_sides_ends_a_call(site, path):
    with H2Client(site.port) as client:
        reply = client.finish(client.begin("POST", path, GRPC, end=False))
        assert dict(reply.trailers or reply.headers)["grpc-status"] == "4"


def test_silence_on_both_sides_ends_an_exchange_over_http1(site):
    with Client(site.port) as client:
        begin_plainly(client, b"/plain/brief/Silent")
        assert client.reader.head().status == 200
        with pytest.raises(Closed):
            client.reader.until(b"never")

"""HTTP/2 to upstreams: requests of HTTP/1.1 and HTTP/2 clients share connections, and nothing is lost."""
import contextlib
import json
import socket
import subprocess
import threading
import time

import pytest
from support.client import Client, request
from support.gateway import settings
from support.h2_client import H2Client
from support.h2_upstream import H2Upstream
from support.message import Closed
from support.ports import free_port
from support.problem import assert_problem
from support.timing import DEADLINE_SECONDS, wait_until
from support.upstream import answer

pytestmark = pytest.mark.threads
LISTEN = 'protocols = ["h1", "h2c"]'


def tell(connection, received):
    path = received.get(":path")
    told = {"headers": received.headers, "trailers": received.trailers, "size": len(received.body), "body": received.body[:100].decode()}
    if path == "/interim":
        return connection.answer(received, json.dumps(told).encode(), interim=[[(":status", "103"), ("link", "</a>")]] * 2)
    if path == "/trailers":
        return connection.answer(received, b"abc", fields=[("content-type", "application/grpc")], trailers=[("grpc-status", "0")])
    if path == "/none":
        return connection.answer(received, b"", status=204)
    if path == "/hold":
        return None
    if path == "/reset":
        return connection.reset(received, 2)
    if path == "/cut":
        connection.answer(received, b"short", fields=[("content-length", "100")], trailers=[("x", "y")])
        return None
    if received.get(":method") == "HEAD":
        return connection.answer(received, b"", fields=[("content-length", "77")])
    connection.answer(received, json.dumps(told).encode(), fields=[("set-cookie", "a=1"), ("set-cookie", "b=2")])


@pytest.fixture(scope="module")
def site(shared_gateway):
    with H2Upstream(tell) as behind:
        yield shared_gateway(settings(behind, listen=LISTEN, upstream='protocol = "h2c"')), behind


@pytest.fixture(params=["h1", "h2"])
def ask(request, site):
    """ask(method, path, fields, body, trailers) gives (status, headers, body, trailers)."""
    gateway, _ = site
    if request.param == "h2":
        with H2Client(gateway.port) as client:
            def over_h2(*args, **more):
                reply = client.ask(*args, **more)
                assert reply.whole
                return reply.status, reply.headers, reply.body, reply.trailers, reply.informational
            yield over_h2
        return
    with Client(gateway.port) as client:
        def over_h1(method="GET", path="/", fields=(), body=b"", trailers=()):
            more = {"chunks": [body], "trailers": trailers} if trailers else {}
            fields = [*fields, ("Trailer", ", ".join(name for name, _ in trailers))] if trailers else fields
            reply = client.ask(method, path, fields, b"" if trailers else body, **more)
            return reply.status, [(n.lower(), v) for n, v in reply.fields], reply.body, [(n.lower(), v) for n, v in reply.trailers], reply.informational
        yield over_h1


def test_a_request_and_its_answer(ask):
    status, headers, body, _, _ = ask("GET", "/a?q=1", [("X-Name", "v"), ("Cookie", "a=1; b=2")])
    told = dict(json.loads(body)["headers"])
    assert status == 200 and (told[":method"], told[":scheme"], told[":path"], told[":authority"]) == ("GET", "http", "/a?q=1", "localhost")
    assert told["x-name"] == "v" and "host" not in told and "connection" not in told and told["x-forwarded-for"] == "127.0.0.1"
    assert [value for name, value in json.loads(body)["headers"] if name == "cookie"] == ["a=1", "b=2"]
    assert [value for name, value in headers if name == "set-cookie"] == ["a=1", "b=2"]


@pytest.mark.parametrize("size", [0, 1, 300_000])
def test_bodies(ask, size):
    _, _, body, _, _ = ask("POST", "/", body=b"x" * size)
    assert json.loads(body)["size"] == size


def test_trailers_interim_head_and_204(ask):
    _, _, body, _, _ = ask("POST", "/", body=b"abc", trailers=[("x-sum", "7")])
    assert json.loads(body)["trailers"] == [["x-sum", "7"]] and json.loads(body)["body"] == "abc"
    status, _, body, trailers, _ = ask("GET", "/trailers", [("TE", "trailers")])
    assert (status, body, trailers) == (200, b"abc", [("grpc-status", "0")])
    _, _, _, _, informational = ask("GET", "/interim")
    heads = [(one.status, one.get("Link")) if hasattr(one, "status") else (int(dict(one)[":status"]), dict(one)["link"])
             for one in informational]
    assert heads == [(103, "</a>")] * 2
    status, headers, body, _, _ = ask("HEAD", "/")
    assert (status, body, dict(headers)["content-length"]) == (200, b"", "77")
    assert ask("GET", "/none")[0] == 204
    assert ask("GET", "/reset")[0] == 502


def test_who_takes_trailers_is_told_of(ask):
    for fields, there in (([("TE", "trailers")], True), ([], False)):
        _, _, body, _, _ = ask("GET", "/", fields)
        assert (["te", "trailers"] in json.loads(body)["headers"]) is there
        assert [value for name, value in json.loads(body)["headers"] if name == "te"] == ["trailers"] * there


def test_all_this_took_one_connection(site):
    gateway, behind = site
    assert len(behind.connections) == 1
    assert gateway.metric("sluice_upstream_streams_total", upstream="main", connection="reused") > 10


def test_a_body_that_breaks_off_is_a_reset_for_the_client(site):
    gateway, behind = site
    with Client(gateway.port) as client:
        client.send(request("GET", "/cut"))
        with pytest.raises(Closed):
            client.response()
    with H2Client(gateway.port) as client:
        reply = client.ask("GET", "/cut")
        assert reply.body == b"short" and not reply.whole and reply.reset == 2       # INTERNAL_ERROR
    assert behind.connections[0].open


@pytest.mark.parametrize("code", [8, 2])
def test_a_clients_reset_is_the_servers(site, code):
    gateway, behind = site
    with H2Client(gateway.port) as client:
        count = len(behind.requests)
        stream = client.begin("GET", "/hold")
        request = wait_until(lambda: behind.requests[count:], "it has come")[0]
        before = len(behind.connections[0].resets)
        client.h2.reset_stream(stream, code)
        client.flush()
        resets = wait_until(lambda: behind.connections[0].resets[before:], "the server is told")
        assert resets == [(request.stream, 8)]                                       # CANCEL, whatever the client says
        assert client.ask("GET", "/").status == 200


@pytest.mark.parametrize("version", ["h1", "h2"])
def test_a_body_waits_for_the_servers_100_continue(gateway, version):
    def begin(connection, received):
        assert not received.body
        with connection.lock:
            connection.h2.send_headers(received.stream, [(":status", "100")])
            connection.flush()

    def echo(connection, received, data):
        if data and len(received.body) == 3:      # an empty piece may be the end
            connection.answer(received, bytes(received.body))
    with H2Upstream(begin, early=True, on_data=echo) as behind:
        one = gateway(settings(behind, listen=LISTEN, upstream='protocol = "h2c"'))
        if version == "h1":
            with Client(one.port) as client:
                client.send(b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
                assert client.reader.head().status == 100
                assert client.send(b"abc").response().body == b"abc"
        else:
            with H2Client(one.port) as client:
                stream = client.begin("POST", "/", [("expect", "100-continue"), ("content-length", "3")], end=False)
                client.wait(lambda: client.replies[stream].informational, "100 Continue")
                assert dict(client.replies[stream].informational[0])[":status"] == "100"
                client.send_body(stream, b"abc")
                assert client.finish(stream).body == b"abc"
        assert behind.requests[0].get("expect") == "100-continue"


def test_many_requests_share_a_connection_and_one_that_is_cancelled_leaves_it(gateway):
    held = []
    with H2Upstream(lambda connection, received: held.append((connection, received))) as behind:
        one = gateway(settings(behind, listen=LISTEN, upstream='protocol = "h2c"'))
        clients = [Client(one.port) for _ in range(20)]
        for n, client in enumerate(clients):
            client.send(request("GET", f"/{n}"))
        wait_until(lambda: len(held) == 20, "all have come")
        assert len(behind.connections) == 1
        clients[0].reset()
        wait_until(lambda: behind.connections[0].resets, "the server hears of it")
        gone = next(received for _, received in held if received.get(":path") == "/0")
        assert behind.connections[0].resets == [(gone.stream, 8)]
        for connection, received in reversed(held):
            if received is not gone:
                connection.answer(received, received.get(":path").encode())
        for n, client in enumerate(clients[1:], 1):
            assert client.response().body == f"/{n}".encode()
            client.__exit__()


def test_a_server_that_takes_few_gets_more_connections(gateway):
    def slow(connection, received):
        threading.Timer(0.02, connection.answer, [received]).start()
    with H2Upstream(slow, streams=2) as behind:
        one = gateway(settings(behind, listen=LISTEN, upstream='protocol = "h2c"'))
        with H2Client(one.port) as client:
            streams = [client.begin("GET", f"/{n}") for n in range(20)]
            assert all(client.finish(stream).body == b"hello" for stream in streams)
        assert 2 <= len(behind.connections) <= 12


def test_a_server_that_takes_nothing_is_not_asked_again_and_again(gateway):
    with H2Upstream(lambda connection, received: connection.answer(received), streams=0) as behind:
        one = gateway(settings(behind, upstream='protocol = "h2c"'))
        assert_problem(one.ask(), 502, "upstream_bad_response")
        assert len(behind.connections) == 1


SETTINGS, GOAWAY = b"\0\0\0\4\0\0\0\0\0", b"\0\0\10\7\0\0\0\0\0" + bytes(8)


def test_a_server_that_leaves_at_once(gateway):
    """The stream ends while its head is being sent, with a body still to come."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken = []

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    taken.append(listener.accept()[0])
                    taken[-1].sendall(SETTINGS + GOAWAY)
        threading.Thread(target=serve, daemon=True).start()
        one = gateway(settings(f"127.0.0.1:{listener.getsockname()[1]}", listen=LISTEN, upstream='protocol = "h2c"'))
        assert_problem(one.ask("POST", body=b"x" * 100_000), 502, "upstream_closed")
        with H2Client(one.port) as client:
            assert client.ask("POST", "/", body=b"x" * 10).status == 502
        assert len(taken) <= 8     # each is sent again three times
        for each in taken:
            each.close()


@pytest.mark.parametrize("used", [True, False], ids=["", "on a fresh connection"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_a_server_did_not_take_is_sent_again(gateway, method, used):
    refused = []

    def script(connection, received):
        if received.get(":path") == "/refused" and len(refused) < 1:
            refused.append(received)
            return connection.reset(received, 7)      # REFUSED_STREAM
        connection.answer(received)
    with H2Upstream(script) as behind:
        one = gateway(settings(behind, upstream='protocol = "h2c"'))
        if used:
            assert one.ask("GET", "/").status == 200
        assert one.ask(method, "/refused", body=b"abc" if method == "POST" else b"").status == 200
        assert len(refused) == 1


@pytest.mark.parametrize("times, status", [(3, 200), (4, 502)])
def test_what_a_server_takes_at_last_is_served(gateway, times, status):
    """A HAProxy whose own servers close silently refuses twice now and then."""
    refused = []

    def script(connection, received):
        if len(refused) < times:
            refused.append(received)
            return connection.reset(received, 7)      # REFUSED_STREAM
        connection.answer(received)
    with H2Upstream(script) as behind:
        one = gateway(settings(behind, upstream='protocol = "h2c"'))
        assert one.ask("POST", "/", body=b"abc").status == status
        assert len(refused) == times and one.access_log(1)[0]["retries"] == 3
        assert len(behind.connections) == 1     # a server that is short of something needs no more of them


def test_what_a_server_keeps_refusing_is_sent_to_another(gateway):
    """And servers that cannot be reached cost none of what a request may be refused."""
    refused = []

    def script(connection, received):
        refused.append(received)
        connection.reset(received, 7)
    with H2Upstream(script) as refuses, H2Upstream(lambda connection, received: connection.answer(received)) as takes:
        servers = ", ".join(f'"127.0.0.1:{port}"' for port in [free_port() for _ in range(3)])
        one = gateway(settings(more=f"""
[upstream.main]
servers = ["{refuses.address}", "{takes.address}", {servers}]
protocol = "h2c"
[route.all]
match = {{ path = "/" }}
upstream = "main"
"""))
        assert [one.ask("POST", "/", body=b"abc").status for _ in range(10)] == [200] * 10
        assert 0 < len(refused) <= 20
        assert len(refuses.connections) == 1


@pytest.mark.parametrize("limit", ["", "max_in_flight = 1"])
def test_who_refuses_is_asked_again_when_nobody_else_can_be_reached(gateway, limit):
    """And a server that is set aside is not asked in its place."""
    refused = []

    def script(connection, received):
        if len(refused) % 4 < 3:
            refused.append(received)
            return connection.reset(received, 7)
        refused.append(None)
        connection.answer(received)
    with H2Upstream(script) as behind:
        one = gateway(settings(behind, f"127.0.0.1:{free_port()}", upstream=f'protocol = "h2c"\n{limit}'))
        assert [one.ask("POST", "/", body=b"abc").status for _ in range(6)] == [200] * 6
        assert len(refused) == 24


@pytest.mark.parametrize("limit", ["", "max_in_flight = 1"])
def test_a_request_moves_to_another_server_without_a_second_place(gateway, limit):
    with (H2Upstream(lambda connection, received: connection.reset(received, 7)) as one, H2Upstream(lambda c, received: c.reset(received, 7)) as two,
          H2Upstream(lambda connection, received: connection.answer(received)) as takes):
        refuse = gateway(settings(one, takes, upstream=f'protocol = "h2c"\n{limit}'))
        assert [refuse.ask().status for _ in range(10)] == [200] * 10
        refuse = gateway(settings(one, two, takes, upstream=f'protocol = "h2c"\n{limit}'))
        statuses = [refuse.ask().status for _ in range(9)]
        assert statuses.count(200) >= 6    # three of nine begin at the first, and are moved to the second or the third
        refuse.wait_for_metric(0, "sluice_upstream_requests_in_flight", upstream="main")


def test_who_leaves_a_quiet_stream_leaves_the_connection_to_others(gateway):
    def script(connection, received):
        if received.get(":path") != "/events":
            return connection.answer(received)
        with connection.lock:
            connection.h2.send_headers(received.stream, [(":status", "200"), ("content-type", "text/event-stream")])
            connection.h2.send_data(received.stream, b": hello\n\n")
            connection.flush()
    with H2Upstream(script) as behind:
        one = gateway(settings(behind, upstream='protocol = "h2c"'))
        with one.client() as stays:
            stays.send(request("GET", "/events"))
            stays.reader.head()
            for _ in range(2):
                with one.client() as leaves:
                    leaves.send(request("GET", "/events"))
                    leaves.reader.head()
                    time.sleep(1.3)
                assert one.ask("GET", "/").status == 200
        assert len(behind.connections) == 1


@pytest.mark.parametrize("then", ["sends and ends", "goes on", "resets"])
@pytest.mark.parametrize("method, status", [("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_an_answer_without_body_is_whole_whatever_the_server_adds(gateway, method, status, then):
    """Jetty 9.4 sends what a handler writes for HEAD."""
    def script(connection, received):
        if received.get(":path") == "/after":
            return connection.answer(received)
        with connection.lock:
            connection.h2.send_headers(received.stream, [(":status", str(status)), ("x-length", "100")])
            if then == "resets":
                connection.h2.reset_stream(received.stream, 2)
            else:
                connection.h2.send_data(received.stream, b"x" * 100)
                connection.h2.send_data(received.stream, b"x" * 100, end_stream=then == "sends and ends")
            connection.flush()
    with H2Upstream(script) as behind:
        one = gateway(settings(behind, listen='protocols = ["h1", "h2c"]', upstream='protocol = "h2c"'))
        with one.client() as client:
            for _ in range(3):
                reply = client.ask(method, "/")
                assert (reply.status, reply.get("x-length"), reply.get("connection")) == (status, "100", None)
                assert client.ask("POST", "/after", body=b"x").status == 200
        with H2Client(one.port) as client:
            reply = client.ask(method, "/")
            assert (reply.status, reply.body, reply.reset) == (status, b"", None)
        told = [(line["status"], line["response_bytes"], line.get("aborted")) for line in one.access_log(7) if line["path"] == "/"]
        assert told == [(status, 0, None)] * 4
        assert len(behind.connections) == 1 and not behind.connections[0].resets


def test_a_server_that_leaves(gateway):
    def script(connection, received):
        connection.answer(received)
        if received.get(":path") == "/leave":
            connection.h2.close_connection()
            connection.flush()
    with H2Upstream(script) as behind:
        one = gateway(settings(behind, upstream='protocol = "h2c"'))
        for path in ("/", "/leave", "/after", "/leave", "/after"):
            assert one.ask("GET", path).status == 200
        assert len(behind.connections) == 3


def test_a_connection_that_dies_takes_only_its_requests(gateway):
    def script(connection, received):
        connection.close() if received.get(":path") == "/die" else connection.answer(received)
    with H2Upstream(script) as behind:
        one = gateway(settings(behind, upstream='protocol = "h2c"'))
        assert one.ask("GET", "/").status == 200
        assert_problem(one.ask("POST", "/die", body=b"x"), 502, "upstream_closed")
        assert one.ask("GET", "/").status == 200
        assert len(behind.connections) == 2


@pytest.mark.parametrize("how", ["says nothing", "opens no window"])
def test_a_connection_that_lets_a_request_wait_for_nothing_gets_no_other(gateway, how):
    """Tomcat 10.1 forgets the connection's window behind bodies that it discards, and answers whatever has none."""
    def script(connection, received):
        if how == "opens no window" or connection.number or received.get(":method") == "GET":
            connection.answer(received)
    with H2Upstream(script, windows=False) as behind:
        one = gateway(settings(behind, upstream='protocol = "h2c"\ntimeout = { response = "1500ms", body = "1500ms" }'))
        assert one.ask("GET").status == 200
        with one.client() as waits:
            waits.send(request("POST", "/", body=bytes(65_535 if how == "says nothing" else 65_536)))
            if how == "opens no window":
                wait_until(lambda: len(behind.requests) == 2 and len(behind.requests[1].body) == 65_535, "it is used up")
                assert one.ask("GET").status == 200
            assert_problem(waits.response(), 504, "upstream_timeout")
        assert len(behind.connections) == 1
        assert one.ask("GET").status == 200
        assert one.ask("POST", body=b"x").status == 200
        assert len(behind.connections) == 2


def test_idle_connections_end(gateway):
    with H2Upstream(lambda connection, received: connection.answer(received)) as behind:
        one = gateway(settings(behind, upstream='protocol = "h2c"\nkeep = { idle = "300ms" }'))
        assert one.ask().status == 200
        wait_until(lambda: not behind.connections[0].open, "it is closed")
        assert one.ask().status == 200


def test_tls_agrees_on_h2_or_fails(gateway, authority, upstream):
    context = authority.server_context("localhost", "127.0.0.1")
    context.set_alpn_protocols(["h2"])
    tls = f'protocol = "h2"\ntls = {{ ca = "{authority.cert}", sni = "localhost" }}'
    with H2Upstream(lambda connection, received: connection.answer(received, received.get(":scheme").encode()), tls=context) as behind:
        one = gateway(settings(behind, upstream=tls))
        assert one.ask().body == b"https"
    plain = authority.server_context("localhost", "127.0.0.1")
    plain.set_alpn_protocols(["http/1.1"])
    with H2Upstream(lambda connection, received: None, tls=plain) as behind:
        assert_problem(gateway(settings(behind, upstream=tls)).ask(), 502, "upstream_bad_response")


def test_a_server_of_http1_is_told_from_one_of_http2(gateway, upstream):
    one = gateway(settings(upstream(answer()), upstream='protocol = "h2c"'))
    assert_problem(one.ask(), 502, "upstream_bad_response")


@contextlib.contextmanager
def nghttpd(folder, size):
    """Serves a file "large" of that many MiB, and what is sent to it."""
    (folder / "large").write_bytes(b"x" * (size << 20))
    port = free_port()
    server = subprocess.Popen(["nghttpd", "--no-tls", "--echo-upload", "-d", folder, str(port)],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()


def test_large_bodies_through_nghttpd(gateway, tmp_path):
    with nghttpd(tmp_path, 20) as behind:
        one = gateway(settings(behind, listen=LISTEN + '\nlimits = { body = "1GiB" }', upstream='protocol = "h2c"'))
        wait_until(lambda: one.ask("GET", "/none").status == 404, "nghttpd is there")
        for version in ("--http1.1", "--http2-prior-knowledge"):
            url = f"http://127.0.0.1:{one.port}/large"
            for more in ([], ["-T", str(tmp_path / "large")]):
                done = subprocess.run(["curl", "-sS", version, *more, "-o", tmp_path / "got", "-w", "%{http_code}", url],
                                      capture_output=True, timeout=4 * DEADLINE_SECONDS, text=True)
                assert done.stdout == "200", done.stderr
                assert (tmp_path / "got").read_bytes() == (tmp_path / "large").read_bytes()

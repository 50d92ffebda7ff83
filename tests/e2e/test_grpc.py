"""What of gRPC concerns a gateway: streams both ways at once, trailers, deadlines, and refusals in gRPC's terms."""
import json
import socket
import time

import pytest
from support.gateway import settings
from support.h2_client import H2Client
from support.h2_upstream import H2Upstream
from support.timing import SLOW, wait_until

pytestmark = pytest.mark.threads
GRPC = [("content-type", "application/grpc"), ("te", "trailers")]
ROUTES = """
[consumer.acme]
keys = [{ id = "k1", sha256 = "5f1d2f3c5f1d2f3c5f1d2f3c5f1d2f3c5f1d2f3c5f1d2f3c5f1d2f3c5f1d2f3c" }]
[auth.partners]
type = "api_key"
header = "X-Api-Key"
store = "consumers"
[route.closed]
match = { path = "/closed.Service/{method}" }
auth = ["partners"]
upstream = "main"
[route.open]
match = { path = "/echo.Service/{method}" }
auth = "none"
upstream = "main"
[route.one_method]
match = { path = "/echo.Service/Locked" }
auth = ["partners"]
upstream = "main"
[authorizer.silent]
url = "http://SILENT/check"
timeout = "30s"
[route.judged]
match = { path = "/judged.Service/{method}" }
auth = "none"
authorizer = "silent"
upstream = "main"
"""


def begin(connection, received):
    with connection.lock:
        if received.get(":path").endswith("/Break"):          # a head, and then silence
            connection.h2.send_headers(received.stream, [(":status", "200"), *GRPC[:1]])
            connection.h2.send_data(received.stream, b"half")
            connection.flush()
            return
        if received.get(":path").endswith("/Hang"):
            return
        if received.get(":path").endswith("/Refuse"):     # trailers only
            connection.h2.send_headers(received.stream, [(":status", "200"), *GRPC[:1], ("grpc-status", "5")], end_stream=True)
        else:
            connection.h2.send_headers(received.stream, [(":status", "200"), *GRPC[:1]])
        connection.flush()


def echo(connection, received, data):
    if not received.get(":path").endswith("/Chat"):
        return
    with connection.lock:
        connection.h2.send_data(received.stream, data.upper())
        if data.endswith(b"!"):
            connection.h2.send_headers(received.stream, [("grpc-status", "0"), ("grpc-message", "done")], end_stream=True)
        connection.flush()


@pytest.fixture(scope="module")
def site(shared_gateway):
    with H2Upstream(begin, early=True, on_data=echo) as behind, socket.create_server(("127.0.0.1", 0)) as silent:
        routes = ROUTES.replace("SILENT", f"127.0.0.1:{silent.getsockname()[1]}")
        text = settings(behind, listen='protocols = ["h2c"]', upstream='protocol = "h2c"', route='auth = "none"', more=routes)
        yield shared_gateway(text.replace('path = "/**"', 'path = "/other/**"')), behind


@pytest.fixture
def client(site):
    with H2Client(site[0].port) as one:
        yield one


def test_messages_pass_both_ways_at_once(client, site):
    stream = client.begin("POST", "/echo.Service/Chat", GRPC, end=False)
    reply = client.replies[stream]
    for n, text in enumerate([b"one ", b"two ", b"three!"], 1):
        client.send_body(stream, text, end=False)
        client.wait(lambda: reply.body.count(b" ") >= min(n, 2) and (n < 3 or reply.whole), "each piece at once")
    assert reply.body == b"ONE TWO THREE!" and dict(reply.trailers) == {"grpc-status": "0", "grpc-message": "done"}
    assert ("te", "trailers") in site[1].requests[-1].headers


def test_trailers_only(client):
    reply = client.ask("POST", "/echo.Service/Refuse", GRPC, body=b"x")
    assert reply.get("grpc-status") == "5" and reply.body == b"" and reply.whole


@pytest.mark.parametrize("path, code", [("/nowhere.Service/A", "12"), ("/closed.Service/A", "16")])
def test_refusals_are_grpcs(client, path, code):
    reply = client.ask("POST", path, GRPC, body=b"x" * 10)
    assert (reply.status, reply.get("grpc-status"), reply.body) == (200, code, b"")
    assert reply.get("content-type") == "application/grpc" and reply.get("grpc-message")
    assert client.ask("POST", path, body=b"x").status == {"12": 404, "16": 401}[code]      # others get theirs


def test_a_path_that_is_too_long_is_refused_in_grpcs_terms(client):
    reply = client.ask("POST", "/" + "a" * 9000, GRPC, body=b"x")
    assert (reply.status, reply.get("grpc-status"), reply.body) == (200, "2", b"")
    assert client.ask("POST", "/" + "a" * 9000, body=b"x").status == 414


def test_a_deadline_behind_the_head_comes_in_trailers(client, site):
    reply = client.ask("POST", "/echo.Service/Break", [*GRPC, ("grpc-timeout", "300m")], body=b"x")
    assert reply.whole and reply.reset is None and reply.body == b"half"
    assert dict(reply.trailers) == {"grpc-status": "4", "grpc-message": "Deadline Exceeded"}
    wait_until(lambda: site[1].connections[0].resets, "the server is told")


@pytest.mark.parametrize("code, status, message, problem", [
    (2, "14", "Bad Gateway", "upstream_closed"), (8, "1", "Cancelled", "upstream_cancelled"),
    (11, "8", "Resource Exhausted", "upstream_exhausted")])
def test_a_servers_reset_has_a_status(client, site, code, status, message, problem):
    """Behind the head it comes in trailers."""
    wanted = {"grpc-status": status, "grpc-message": message}
    for method in ("Break", "Hang"):
        count = len(site[1].requests)
        stream = client.begin("POST", f"/echo.Service/{method}", GRPC)
        reply = client.replies[stream]
        request = wait_until(lambda: site[1].requests[count:], "it has come")[0]
        if method == "Break":
            client.wait(lambda: reply.body == b"half", "the first half")
        site[1].connections[request.connection].reset(request, code)
        client.finish(stream)
        assert reply.reset is None and reply.status == 200
        assert wanted.items() <= dict(reply.trailers or reply.headers).items()
    count = len(site[1].requests)
    stream = client.begin("POST", "/echo.Service/Hang")           # no call: 502 as ever
    request = wait_until(lambda: site[1].requests[count:], "it has come")[0]
    site[1].connections[request.connection].reset(request, code)
    reply = client.finish(stream)
    assert (reply.status, json.loads(reply.body)["code"]) == (502, problem)


def test_a_deadline_counts_while_the_gateway_connects(gateway, black_hole):
    one = gateway(settings(black_hole, listen='protocols = ["h2c"]', upstream='protocol = "h2c"', route='auth = "none"'))
    with H2Client(one.port) as client:
        began = time.monotonic()
        reply = client.ask("POST", "/a.Service/A", [*GRPC, ("grpc-timeout", "300m")], body=b"x")
        assert (reply.get("grpc-status"), reply.get("grpc-message")) == ("4", "Deadline Exceeded")
        assert 0.25 < time.monotonic() - began < 2 * SLOW
    assert one.access_log(1)[0]["problem"] == "deadline_exceeded"
    assert one.access_log(1)[0]["grpc_status"] == 4


def test_a_deadline_is_kept(client, site):
    began = time.monotonic()
    reply = client.ask("POST", "/echo.Service/Hang", [*GRPC, ("grpc-timeout", "300m")], body=b"x")
    assert reply.get("grpc-status") == "4"
    assert 0.25 < time.monotonic() - began < 2 * SLOW
    wait_until(lambda: site[1].connections[0].resets, "the server is told")


def test_a_deadline_counts_while_a_policy_waits(client, site):
    began, asked = time.monotonic(), len(site[1].requests)
    reply = client.ask("POST", "/judged.Service/A", [*GRPC, ("grpc-timeout", "300m")], body=b"x")
    assert (reply.status, reply.get("grpc-status"), reply.get("grpc-message")) == (200, "4", "Deadline Exceeded")
    assert 0.25 < time.monotonic() - began < 2 * SLOW and len(site[1].requests) == asked


def test_one_method_may_have_rules_of_its_own(client):
    assert client.ask("POST", "/echo.Service/Locked", GRPC, body=b"x").get("grpc-status") == "16"
    for method in ("Refuse", "locked", "Locked2"):      # beside it, those of its service hold
        stream = client.begin("POST", f"/echo.Service/{method}", GRPC)
        client.wait(lambda: client.replies[stream].headers, "its head")
        assert client.replies[stream].get("grpc-status") != "16"


def test_calls_are_counted_by_method_and_status(client, site):
    def count(method, code, service="echo.Service", route="open"):
        return site[0].metric("sluice_grpc_requests_total", route=route, service=service, method=method, code=code)
    before = count("Refuse", "NOT_FOUND"), count("other", "UNAUTHENTICATED", "other", "closed"), count("other", "UNIMPLEMENTED", "other", "-")
    assert client.ask("POST", "/echo.Service/Refuse", GRPC, body=b"x").get("grpc-status") == "5"
    assert client.ask("POST", "/closed.Service/A", GRPC, body=b"x").get("grpc-status") == "16"
    assert client.ask("POST", "/made.Up/Name", GRPC, body=b"x").get("grpc-status") == "12"
    assert client.ask("GET", "/other/x/Refuse").status == 200      # not gRPC's: not counted here
    wait_until(lambda: (count("Refuse", "NOT_FOUND"), count("other", "UNAUTHENTICATED", "other", "closed"),
                        count("other", "UNIMPLEMENTED", "other", "-")) == tuple(n + 1 for n in before), "they are counted")
    assert site[0].metric("sluice_grpc_requests_total", route="all") == 0

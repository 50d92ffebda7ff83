"""HTTP/2 from clients, by ALPN and with prior knowledge, to HTTP/1.1 upstreams: nothing is lost on the way."""
import json
import socket
import subprocess
import threading

import h2.config
import pytest
from support.client import Client, ask
from support.gateway import settings
from support.h2_client import H2Client
from support.timing import DEADLINE_SECONDS, SLOW, wait_until
from support.upstream import early, response

pytestmark = pytest.mark.threads
EXTRA = """
[listen.secure]
address = "127.0.0.1:@tls@"
tls = "site"
[listen.old]
address = "127.0.0.1:@old@"
tls = "site"
protocols = ["h1"]
[listen.only]
address = "127.0.0.1:@only@"
protocols = ["h2c"]
[tls.site]
certificates = [{{ cert = "{}", key = "{}" }}]
[limit.tight]
key = ["ip", "header.X-Test"]
rate = "1/1m"
[cors.web]
origins = ["https://a.example"]
[route.policies]
match = {{ path = "/policies" }}
limit = ["tight"]
cors = "web"
respond = {{ status = 200, body = "in" }}
[route.refused]
match = {{ path = "/closed" }}
respond = {{ status = 403, body = "no" }}
[route.limited]
match = {{ path = "/small" }}
upstream = "main"
limits = {{ body = "1KiB" }}
"""


def script(connection, received):
    """Says what came; /early before the body, /interim with a 103, /trailers with one."""
    path = received.target.split("?")[0]
    if path == "/early":
        return connection.send(response(status=413, body=b"too much"))
    if path == "/continue":
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    connection.read_body(received)
    told = json.dumps({"method": received.method, "target": received.target, "fields": received.fields,
                       "trailers": received.trailers, "size": len(received.body),
                       "body": received.body[:100].decode("latin-1")}).encode()
    if path == "/interim":
        connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
    if path == "/trailers":
        return connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
                               b"3\r\nabc\r\n0\r\nX-Sum: 7\r\n\r\n")
    if path == "/cut":
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")
        return connection.close()
    if path.startswith("/large/"):
        return connection.send(response(body=b"z" * int(path[7:])))
    if received.method == "HEAD":
        return connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n")
    if path == "/none":
        return connection.send(b"HTTP/1.1 204 No Content\r\n\r\n")
    return connection.send(response(body=told, fields=[("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("X-Mixed-Case", "v")]))


@pytest.fixture(scope="module")
def site(shared_gateway, shared_upstream, authority):
    behind = shared_upstream(early(script))
    gateway = shared_gateway(settings(behind, listen='protocols = ["h1", "h2c"]', more=EXTRA.format(*authority.leaf("localhost"))))
    return gateway, behind


@pytest.fixture(params=["h2", "h2c"])
def client(request, site, authority):
    gateway, _ = site
    tls = authority.client_context(alpn=["h2", "http/1.1"]) if request.param == "h2" else None
    with H2Client(gateway.tls if tls else gateway.port, tls=tls) as one:
        yield one


def told(reply):
    assert reply.status == 200 and reply.whole
    return json.loads(reply.body)


def test_a_request_and_its_answer(client):
    reply = client.ask("GET", "/a/b?q=1", [("x-name", "v"), ("cookie", "a=1"), ("cookie", "b=2"), ("te", "trailers")])
    seen = told(reply)
    fields = {name.lower(): value for name, value in seen["fields"]}
    assert (seen["method"], seen["target"], seen["size"]) == ("GET", "/a/b?q=1", 0)
    assert fields["host"] == "localhost" and fields["x-name"] == "v" and fields["cookie"] == "a=1; b=2"
    assert fields["via"] == "2 sluice" and fields["x-forwarded-proto"] == client.scheme
    assert [value for name, value in reply.headers if name == "set-cookie"] == ["a=1", "b=2"]
    assert reply.get("x-mixed-case") == "v" and reply.get("x-request-id")
    assert reply.get("connection") is None and reply.get("transfer-encoding") is None


@pytest.mark.parametrize("size", [1, 100_000, 1_000_000])
def test_bodies_pass_with_and_without_a_length(client, size):
    assert told(client.ask("POST", "/", body=b"x" * size))["size"] == size
    fields = [("content-length", str(size))]
    seen = told(client.ask("POST", "/", fields, body=b"x" * size))
    assert seen["size"] == size and ["content-length", str(size)] in [[n.lower(), v] for n, v in seen["fields"]]
    reply = client.ask("GET", f"/large/{size}")
    assert reply.body == b"z" * size and reply.get("content-length") == str(size)


def test_many_at_a_time_on_one_connection(client):
    streams = {client.begin("POST", f"/{n}", end=False): n for n in range(30)}
    for stream, n in streams.items():
        client.send_body(stream, b"x" * (n * 1000))
    for stream, n in streams.items():
        assert told(client.finish(stream))["size"] == n * 1000


def test_trailers_both_ways(client):
    seen = told(client.ask("POST", "/", body=b"abc", trailers=[("x-sum", "7")]))
    assert seen["body"] == "abc" and seen["trailers"] == [["x-sum", "7"]]
    reply = client.ask("GET", "/trailers", [("te", "trailers")])
    assert reply.body == b"abc" and reply.trailers == [("x-sum", "7")]


def test_interim_responses_head_and_204(client):
    reply = client.ask("GET", "/interim")
    assert [dict(head)[":status"] for head in reply.informational] == ["103"]
    assert ("link", "</a>") in reply.informational[0]
    assert told(reply)
    head = client.ask("HEAD", "/")
    assert head.status == 200 and head.body == b"" and head.get("content-length") == "77"
    assert client.ask("GET", "/none").status == 204
    own = client.ask("HEAD", "/closed")
    assert own.status == 403 and own.body == b"" and own.get("content-length") == "2"


def test_answers_before_the_end_of_the_body(client):
    stream = client.begin("POST", "/early", end=False)
    reply = client.finish(stream)
    assert reply.status == 413 and reply.body == b"too much"
    assert told(client.ask("GET", "/after"))
    stream = client.begin("POST", "/small", [("content-length", "100000")], end=False)
    assert client.finish(stream).status == 413
    assert told(client.ask("GET", "/after"))


def test_expect_continue_is_the_upstreams_to_answer(client):
    stream = client.begin("POST", "/continue", [("expect", "100-continue"), ("content-length", "3")], end=False)
    client.wait(lambda: client.replies[stream].informational, "100 Continue")        # before the body has left
    assert dict(client.replies[stream].informational[0])[":status"] == "100"
    client.send_body(stream, b"abc")
    assert told(client.finish(stream))["body"] == "abc"


def test_a_cut_answer_is_a_reset_stream_and_nothing_else(client):
    reply = client.ask("GET", "/cut")
    assert reply.status == 200 and reply.body == b"short" and not reply.whole and reply.reset == 2   # INTERNAL_ERROR
    assert told(client.ask("GET", "/after"))


def test_a_reset_cancels_the_upstream(gateway, upstream):
    began, ended = threading.Event(), threading.Event()

    @early
    def waits(connection, received):
        began.set()
        connection.wait_for_end()
        ended.set()
    one = gateway(settings(upstream(waits), listen='protocols = ["h2c"]'))
    with H2Client(one.port) as client:
        stream = client.begin("GET", "/")
        assert began.wait(DEADLINE_SECONDS)
        assert one.metric("sluice_upstream_requests_in_flight", upstream="main") == 1
        client.h2.reset_stream(stream, 8)
        client.flush()
        assert ended.wait(DEADLINE_SECONDS)
    wait_until(lambda: one.metric("sluice_upstream_requests_in_flight", upstream="main") == 0, "it is over")


def test_malformed_requests_are_answered_and_logged(client, site):
    gateway, _ = site
    client.h2.config.validate_outbound_headers = client.h2.config.normalize_outbound_headers = False
    cases = [([("connection", "close")], "connection_field"), ([("X-Up", "1")], "upper_case_name"),
             ([("host", "other")], "host_mismatch"), ([("te", "gzip")], "connection_field"),
             ([("x", "a\x00b")], "bad_field"), ([("content-length", "5")], "bad_content_length"),
             ([(":path", "/b")], "bad_pseudo_field")]
    for fields, code in cases:
        reply = client.ask("GET", "/malformed", fields)
        assert reply.status == 400 and json.loads(reply.body)["type"].endswith(code)
    assert client.ask("GET", "/..%2f").status == 400
    assert client.ask("GET", "/", [("x-large", "y" * 40_000)]).status == 431
    assert client.ask("GET", "/" + "y" * 9000).status == 414
    assert told(client.ask("GET", "/after"))
    wait_until(lambda: any(line.get("problem") == "bad_pseudo_field" for line in gateway.access_log()), "it is in the log")


def test_policies_hold_as_for_any_request(client):
    mine = [("origin", "https://a.example"), ("x-test", client.scheme)]
    preflight = client.ask("OPTIONS", "/policies", [*mine, ("access-control-request-method", "GET")])
    assert preflight.status == 204 and preflight.get("access-control-allow-origin") == "https://a.example"
    first, second = client.ask("GET", "/policies", mine), client.ask("GET", "/policies", mine)
    assert (first.status, second.status) == (200, 429) and second.get("retry-after")
    assert second.get("access-control-allow-origin") == "https://a.example"
    assert json.loads(second.body)["type"].endswith("rate_limited")


def test_the_log_names_the_protocol(client, site):
    gateway, _ = site
    client.ask("GET", "/named-in-the-log")
    lines = wait_until(lambda: [line for line in gateway.access_log() if line.get("path") == "/named-in-the-log"], "it is logged")
    assert "HTTP/2" in lines[-1].values()


def test_alpn_and_listeners_decide(site, authority):
    gateway, _ = site
    for port, offered, chosen in [(gateway.tls, ["h2", "http/1.1"], "h2"), (gateway.tls, ["http/1.1"], "http/1.1"),
                                  (gateway.tls, [], None), (gateway.old, ["h2", "http/1.1"], "http/1.1")]:
        with Client(port, tls=authority.client_context(alpn=offered)) as one:
            assert one.socket.selected_alpn_protocol() == chosen
            if chosen != "h2":
                assert one.ask().status == 200
    assert ask(gateway.port).status == 200          # HTTP/1 beside h2c
    with Client(gateway.port) as one:
        one.send_in_steps(b"PRI * HTTP/1.1\r\nHost: a\r\n\r\n")   # not the preface after all
        assert one.response().status == 501
    with H2Client(gateway.only) as one:
        assert told(one.ask())
    with Client(gateway.only) as one:
        one.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        one.read_to_end_whatever_happens()


def test_curl_and_nghttp_agree(site, authority):
    gateway, _ = site
    for url, more in [(f"https://localhost:{gateway.tls}/", ["--http2", "--cacert", authority.cert]),
                      (f"http://localhost:{gateway.port}/", ["--http2-prior-knowledge"])]:
        done = subprocess.run(["curl", "-sS", "--max-time", "10", "-d", "x" * 5000, "-w", "\n%{http_version} %{http_code}",
                               *more, url], capture_output=True, timeout=DEADLINE_SECONDS, text=True)
        body, version = done.stdout.rsplit("\n", 1)
        assert version == "2 200" and json.loads(body)["size"] == 5000, done.stderr
    done = subprocess.run(["nghttp", "-nv", "-m", "5", f"http://127.0.0.1:{gateway.port}/"], capture_output=True,
                          timeout=DEADLINE_SECONDS, text=True)
    assert done.stdout.count(":status: 200") == 5, done.stdout


def test_load(site):
    gateway, _ = site
    done = subprocess.run(["h2load", "-n", "2000", "-c", "4", "-m", "16", f"http://127.0.0.1:{gateway.port}/closed"],
                          capture_output=True, timeout=4 * DEADLINE_SECONDS, text=True)
    assert "2000 done, 0 succeeded, 2000 failed, 0 errored" in done.stdout, done.stdout   # 403 is what h2load calls failed


def test_draining_lets_streams_finish(gateway, upstream):
    go = threading.Event()

    @early
    def waits(connection, received):
        connection.stall(go)
        connection.send(response(body=b"late"))
    one = gateway(settings(upstream(waits), server=f'drain_timeout = "{SLOW}s"', listen='protocols = ["h2c"]'))
    with H2Client(one.port) as client, H2Client(one.port) as idle:
        idle.receive()
        stream = client.begin("GET", "/")
        wait_until(lambda: one.metric("sluice_upstream_requests_in_flight", upstream="main") == 1, "it is under way")
        one.signal(15)
        assert idle.wait_for_goaway() == 0
        assert client.wait_for_goaway() == 0
        go.set()
        assert client.finish(stream).body == b"late"
        while client.receive():
            pass
    one.wait()


def test_a_handshake_under_way_is_drained_as_what_it_becomes(gateway, authority):
    one = gateway(settings("127.0.0.1:1", more=EXTRA.format(*authority.leaf("localhost"))))
    trusting = authority.client_context(alpn=["h2"])

    class Late:
        """Shakes hands when the gateway is draining."""
        @staticmethod
        def wrap_socket(connected, **options):
            one.wait_for_metric(1, "sluice_connections", listener="secure")
            one.signal(15)
            one.wait_for_error_line("draining")
            wait_until(lambda: refused(one.tls), "no new connection is taken")
            return trusting.wrap_socket(connected, **options)

    with H2Client(one.tls, tls=Late) as client:
        assert client.wait_for_goaway() == 0
        while client.receive():
            pass
    one.wait(DEADLINE_SECONDS)


def refused(port):
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return True
    return False


def test_a_reload_keeps_connections_and_idle_ones_end(gateway, upstream):
    behind = upstream(early(script))
    text = settings(behind, listen='protocols = ["h2c"]\ntimeout = { idle = "500ms" }')
    one = gateway(text)
    with H2Client(one.port) as client:
        assert told(client.ask())
        one.reload(text.replace("[log.access]", "[route.new]\nmatch = { path = \"/new\" }\nrespond = { status = 418 }\n[log.access]"))
        assert client.ask("GET", "/new").status == 418
        assert client.wait_for_goaway() == 0

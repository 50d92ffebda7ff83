"""The life of connections on both sides: keep-alive, pipelining, HTTP/1.0, forms of the target."""
import time

import pytest
from support.client import request
from support.problem import assert_problem
from support.timing import wait_until
from support.upstream import answer, raw, response


def echo_target(connection, received):
    connection.send(response(body=received.target.encode() + b" " + received.body))


@pytest.mark.threads
def test_a_kept_alive_connection_serves_many_requests_over_one_upstream_connection(proxied):
    gateway, upstream = proxied(echo_target)
    with gateway.client() as client:
        for number in range(20):
            assert client.ask(target=f"/{number}").body == b"/%d " % number
    assert len(upstream.connections) == 1


def test_upstream_connections_are_shared_between_clients(proxied):
    gateway, upstream = proxied()
    for _ in range(5):
        gateway.ask()
    assert len(upstream.connections) == 1


def test_connection_close_is_honoured(proxied):
    gateway, _ = proxied()
    with gateway.client() as client:
        answered = client.ask(fields=[("Connection", "close")])
        assert answered.get("Connection", "").lower() == "close"
        assert client.is_closed()


def test_http_1_0_closes_by_default(proxied):
    gateway, upstream = proxied()
    with gateway.client() as client:
        answered = client.send(b"GET /old HTTP/1.0\r\nHost: localhost\r\n\r\n").response()
        assert (answered.status, answered.body) == (200, b"hello")
        assert client.is_closed()
    assert upstream.last.start == "GET /old HTTP/1.1"


def test_http_1_0_keeps_alive_when_asked(proxied):
    gateway, _ = proxied()
    with gateway.client() as client:
        for _ in range(3):
            client.send(b"GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")
            assert client.response().get("Connection", "").lower() == "keep-alive"


def test_http_1_0_without_host_reaches_a_route_for_any_host(proxied):
    gateway, upstream = proxied()
    with gateway.client() as client:
        assert client.send(b"GET /x HTTP/1.0\r\n\r\n").response().status == 200
    assert upstream.last.has("Host")


def test_http_1_0_never_gets_chunks(proxied):
    gateway, _ = proxied(answer(chunks=[b"one", b"two"]))
    with gateway.client() as client:
        answered = client.send(b"GET / HTTP/1.0\r\nHost: a\r\n\r\n").response()
        assert not answered.has("Transfer-Encoding")
        assert answered.body == b"onetwo"


def test_pipelined_requests_are_answered_in_order(proxied):
    gateway, upstream = proxied(echo_target)
    with gateway.client() as client:
        client.send(b"".join(request(target=f"/{number}") for number in range(50)))
        assert [client.response().body for _ in range(50)] == [b"/%d " % n for n in range(50)]
    assert [one.target for one in upstream.requests] == [f"/{n}" for n in range(50)]


def test_pipelined_requests_with_bodies(proxied):
    gateway, _ = proxied(echo_target)
    with gateway.client() as client:
        client.send(request("POST", "/a", body=b"first") + request("PUT", "/b",
                                                                   chunks=[b"sec", b"ond"])
                    + request("GET", "/c"))
        bodies = [client.response().body for _ in range(3)]
    assert bodies == [b"/a first", b"/b second", b"/c "]


def test_bytes_that_come_one_by_one_make_no_difference(proxied):
    gateway, _ = proxied(echo_target)
    data = request("POST", "/slow", body=b"abc") + request("PUT", "/chunks",
                                                           chunks=[b"x" * 20, b"y"])
    with gateway.client() as client:
        client.send_in_steps(data)
        assert client.response().body == b"/slow abc"
        assert client.response().body == b"/chunks " + b"x" * 20 + b"y"


def test_an_empty_line_before_a_request_is_skipped(proxied):
    gateway, _ = proxied()
    with gateway.client() as client:
        assert client.send(b"\r\n" + request()).response().status == 200


def test_absolute_form(proxied):
    gateway, upstream = proxied()
    assert gateway.ask(target="http://example.org/path?q", host="example.org").status == 200
    assert (upstream.last.target, upstream.last.get("Host")) == ("/path?q", "example.org")


def test_absolute_form_that_contradicts_host_is_refused(proxied):
    gateway, upstream = proxied()
    assert_problem(gateway.ask(target="http://example.org/", host="other.example"), 400,
                   "host_mismatch")
    assert upstream.requests == []


def test_options_asterisk_is_a_valid_request(proxied):
    gateway, _ = proxied()
    with gateway.client() as client:
        assert client.ask("OPTIONS", "*").status == 204
        assert client.ask().status == 200


def test_connect_is_refused(proxied):
    gateway, upstream = proxied()
    with gateway.client() as client:
        assert_problem(client.ask("CONNECT", "example.org:443", host="example.org:443"), 501)
    assert upstream.requests == []


def test_a_half_closed_client_gets_its_response(proxied):
    gateway, _ = proxied()
    with gateway.client() as client:
        assert client.send(request()).half_close().response().body == b"hello"
        assert client.is_closed()


def test_an_upstream_connection_that_says_close_is_not_used_again(proxied):
    gateway, upstream = proxied(answer(fields=[("Connection", "close")]))
    for _ in range(3):
        assert gateway.ask().status == 200
    assert len(upstream.connections) == 3


def test_an_upstream_of_http_1_0_is_not_kept(proxied):
    gateway, upstream = proxied(raw(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi"))
    for _ in range(2):
        assert gateway.ask().body == b"hi"
    assert len(upstream.connections) == 2


def test_an_idle_client_is_let_go_without_a_word(proxied):
    gateway, _ = proxied(listen='timeout = { idle = "300ms" }')
    with gateway.client() as client:
        assert client.ask().status == 200
        assert client.is_closed()


def test_idle_upstream_connections_end_after_keep_idle(proxied):
    gateway, upstream = proxied(upstream='keep = { idle = "300ms" }')
    assert gateway.ask().status == 200
    wait_until(lambda: upstream.connections[0].ended == "closed", "the pooled connection is closed")


def test_the_pool_keeps_no_more_than_keep_max(proxied):
    gateway, upstream = proxied(upstream="keep = { max = 2 }")
    clients = [gateway.client() for _ in range(6)]
    for client in clients:
        client.send(request("POST", body=b"12345")[:-1])
    upstream.wait_for_connections(6)
    for client in clients:
        client.send(b"5")
    for client in clients:
        assert client.response().status == 200
        client.socket.close()
    wait_until(lambda: sum(one.open for one in upstream.connections) == 2, "two connections stay")


def test_the_upstreams_keep_alive_is_honoured(proxied):
    gateway, upstream = proxied(answer(fields=[("Keep-Alive", "timeout=1")]))
    assert gateway.ask().status == 200
    wait_until(lambda: upstream.connections[0].ended == "closed",
               "let go before the upstream would")


def test_what_cannot_be_repeated_gets_no_connection_that_was_long_idle(proxied):
    gateway, upstream = proxied()
    assert gateway.ask().status == 200
    idle_since = time.monotonic()
    wait_until(lambda: time.monotonic() > idle_since + 1.2, "more than a second has passed")
    assert gateway.ask("POST", body=b"x").status == 200
    assert len(upstream.connections) == 2
    assert gateway.ask("GET").status == 200
    assert len(upstream.connections) == 2

"""What waits has a deadline and a verdict for when it passes."""
import time

import pytest
from support.client import request
from support.gateway import settings
from support.message import Closed
from support.problem import assert_problem
from support.timing import DEADLINE_SECONDS, SLOW
from support.upstream import early, response


def test_connect(gateway, black_hole):
    one = gateway(settings(black_hole, upstream='timeout = { connect = "300ms" }'))
    started = time.monotonic()
    assert_problem(one.ask(), 504, "upstream_connect_timeout")
    assert 0.25 < time.monotonic() - started < DEADLINE_SECONDS


def test_response(proxied):
    gateway, _ = proxied(lambda connection, _: connection.stall(),
                         upstream='timeout = { response = "300ms" }')
    started = time.monotonic()
    assert_problem(gateway.ask(), 504, "upstream_timeout")
    assert 0.25 < time.monotonic() - started < DEADLINE_SECONDS


def test_a_routes_own_response_timeout_decides(proxied):
    gateway, _ = proxied(lambda connection, _: connection.stall(),
                         upstream='timeout = { response = "60s" }',
                         route='timeout = { response = "300ms" }')
    assert_problem(gateway.ask(), 504, "upstream_timeout")


def test_half_a_head_does_not_stop_the_clock(proxied):
    def half(connection, _):
        connection.send(b"HTTP/1.1 200 OK\r\nX-Half")
        connection.stall()
    gateway, _ = proxied(half, upstream='timeout = { response = "300ms" }')
    assert_problem(gateway.ask(), 504, "upstream_timeout")


@pytest.mark.parametrize("head", [b"Content-Length: 100\r\n\r\nsome",
                                  b"Transfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n"])
def test_a_response_body_that_stalls_is_cut(proxied, head):
    def stall(connection, _):
        connection.send(b"HTTP/1.1 200 OK\r\n" + head)
        connection.stall()
    gateway, upstream = proxied(stall, upstream='timeout = { body = "300ms" }')
    with gateway.client() as client:
        client.send(request())
        with pytest.raises(Closed):
            client.response()


def test_a_slow_but_steady_response_is_no_stall(proxied):
    def slow(connection, _):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
        for _ in range(10):
            connection.upstream.over.wait(0.1)
            connection.send(b"x")
    gateway, _ = proxied(slow, upstream=f'timeout = {{ body = "{300 * SLOW}ms" }}')
    assert gateway.ask().body == b"x" * 10


@pytest.mark.parametrize("sent", [b"GET", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nX"])
def test_half_a_request_head_is_408(proxied, sent):
    gateway, _ = proxied(listen='timeout = { header = "300ms" }')
    with gateway.client() as client:
        assert_problem(client.send(sent).response(), 408)
        assert client.is_closed()


def test_a_byte_now_and_then_does_not_stretch_the_head(proxied):
    """The header time-out counts to the end of the head, not between bytes."""
    gateway, _ = proxied(listen='timeout = { header = "500ms" }')
    with gateway.client() as client:
        client.socket.settimeout(0.05)
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\nX: ")
        end = time.monotonic() + DEADLINE_SECONDS
        data = b""
        while not data and time.monotonic() < end:
            try:
                client.send(b"y")
                data = client.socket.recv(1000)
            except TimeoutError:
                pass
        assert data.startswith(b"HTTP/1.1 408 ")


def test_a_connection_without_any_byte_is_let_go(proxied):
    gateway, _ = proxied(listen='timeout = { header = "300ms", idle = "300ms" }')
    with gateway.client() as client:
        client.read_to_end()


@pytest.mark.parametrize("head", [b"Content-Length: 10\r\n\r\nabc",
                                  b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"])
def test_a_request_body_that_stalls_is_408(proxied, head):
    gateway, upstream = proxied(listen='timeout = { body = "300ms" }')
    with gateway.client() as client:
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\n" + head)
        assert_problem(client.response(), 408)
        assert client.is_closed()
    assert all(not one.done.is_set() for one in upstream.requests)


def test_the_body_timeout_does_not_run_while_the_upstream_is_the_slow_one(proxied):
    @early
    def slow_reader(connection, received):
        connection.upstream.over.wait(1)
        connection.read_body(received)
        connection.send(response(body=str(len(received.body)).encode()))
    gateway, _ = proxied(slow_reader, upstream_options={"receive_buffer": 8192},
                         listen='timeout = { body = "500ms" }')
    assert gateway.ask("POST", body=bytes(8_000_000)).body == b"8000000"


def test_a_client_that_does_not_read_is_let_go(proxied):
    def flood(connection, _):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        for _ in range(100):
            connection.send(bytes(1_000_000))
    gateway, upstream = proxied(flood, listen='timeout = { write = "300ms" }')
    with gateway.client(receive_buffer=4096) as client:
        client.send(request())
        upstream.wait_for_requests(1)
        done = upstream.requests[0].done
        assert done.wait(DEADLINE_SECONDS), "the upstream is still held by a dead client"
        assert upstream.connections[0].ended

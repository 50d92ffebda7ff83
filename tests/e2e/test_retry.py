"""A request is sent again only if it is idempotent, or no byte of it left the socket (G3)."""
import threading

import pytest
from support.client import request
from support.gateway import settings
from support.ports import free_port
from support.problem import assert_problem
from support.timing import DEADLINE_SECONDS, wait_until
from support.upstream import answer, early, in_turn


def die(connection, received):
    connection.close()


@pytest.fixture
def with_pooled(proxied):
    """A gateway whose pool holds one good connection; the next request on it meets `script`."""
    def start(script, *later):
        gateway, upstream = proxied(in_turn(answer(), script, *later))
        assert gateway.ask().status == 200
        return gateway, upstream
    return start


@pytest.mark.parametrize("method, body", [("GET", b""), ("HEAD", b""), ("PUT", b"small body"),
                                          ("DELETE", b"")])
def test_an_idempotent_request_survives_a_pooled_connection_that_dies(with_pooled, method, body):
    gateway, upstream = with_pooled(die, answer())
    assert gateway.ask(method, "/again", body=body).status == 200
    assert [(one.target, one.body) for one in upstream.requests[1:]] == [("/again", body)] * 2
    assert len(upstream.connections) == 2


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_any_other_request_is_sent_once(with_pooled, method):
    gateway, upstream = with_pooled(die, answer())
    assert_problem(gateway.ask(method, "/once", body=b"money"), 502, "upstream_closed")
    assert len(upstream.requests) == 2


def test_the_retry_is_one(with_pooled):
    gateway, upstream = with_pooled(die, die, die, die)
    assert_problem(gateway.ask(), 502, "upstream_closed")
    assert len(upstream.requests) == 3


def test_a_fresh_connection_that_dies_is_no_reason_to_repeat(proxied):
    gateway, upstream = proxied(die)
    assert_problem(gateway.ask(), 502, "upstream_closed")
    assert len(upstream.requests) == 1


def test_what_was_answered_in_part_is_not_repeated(with_pooled):
    def half(connection, received):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Le")
        connection.close()
    gateway, upstream = with_pooled(half, answer())
    assert_problem(gateway.ask(), 502, "upstream_closed")
    assert len(upstream.requests) == 2


def test_a_body_too_large_to_hold_is_not_repeated(with_pooled):
    @early
    def read_some_and_die(connection, received):
        connection.reader.take(200_000)
        connection.close()
    gateway, upstream = with_pooled(read_some_and_die, answer())
    assert_problem(gateway.ask("PUT", body=bytes(1 << 20)), 502, "upstream_closed")
    assert len(upstream.requests) == 2


@pytest.mark.parametrize("method, status, connections", [("GET", 200, 2), ("POST", 502, 1)])
def test_what_an_answer_to_head_leaves_on_the_connection_spoils_no_later_one(proxied, method, status, connections):
    asked = threading.Event()

    @early
    def body_after_head(connection, received):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
        asked.wait(DEADLINE_SECONDS)   # the connection is in the pool, and taken out of it again
        connection.send(b"hello")

    def tell(connection, received):
        answer()(connection, received)
    gateway, upstream = proxied(in_turn(body_after_head, tell))
    assert gateway.ask("HEAD").status == 200
    with gateway.client() as client:
        client.send(request(method, "/next", [("Content-Length", "0")] if method == "POST" else []))
        wait_until(lambda: gateway.metric("sluice_upstream_streams_total", connection="reused") == 1, "it is reused")
        asked.set()
        assert client.response(method).status == status
    assert len(upstream.connections) == connections


def test_a_connection_closed_while_idle_is_noticed_before_use(proxied):
    def answer_and_close_later(connection, received):
        answer()(connection, received)
        connection.close()
    gateway, upstream = proxied(answer_and_close_later)
    for _ in range(10):
        assert gateway.ask("POST", body=b"x").status == 200
        wait_until(lambda: not upstream.connections[-1].open, "the pooled connection is closed")
    assert len(upstream.requests) == 10


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_refused_connection_moves_to_the_next_server(gateway, upstream, method):
    dead = f"127.0.0.1:{free_port()}"
    behind = upstream()
    one = gateway(settings(dead, behind))
    for _ in range(10):
        assert one.ask(method, body=b"x").status == 200
    assert len(behind.requests) == 10


def test_a_server_that_refused_is_set_aside(gateway, upstream):
    dead, behind = f"127.0.0.1:{free_port()}", upstream()
    one = gateway(settings(dead, behind, upstream='balance = "round_robin"'))
    with one.client() as client:
        for _ in range(20):
            assert client.ask().status == 200
    failures = one.metric("sluice_upstream_connect_failures_total", upstream="main")
    assert 1 <= failures <= 3


def test_all_servers_refused_is_a_problem_of_the_upstream(gateway):
    one = gateway(settings(f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"))
    for _ in range(3):
        assert_problem(one.ask(), 502, "upstream_unreachable")


def test_a_server_that_comes_back_is_used_again(gateway, upstream):
    port = free_port()
    one = gateway(settings(f"127.0.0.1:{port}"))
    assert_problem(one.ask(), 502, "upstream_unreachable")
    behind = upstream(port=port)
    wait_until(lambda: one.ask().status == 200, "the server is used again", 60)
    assert behind.requests


def test_pipelined_requests_behind_a_retry_stay_in_order(proxied):
    gateway, upstream = proxied(in_turn(answer(body=b"0"), die, answer(body=b"1"),
                                        answer(body=b"2")))
    with gateway.client() as client:
        client.send(request(target="/0") + request(target="/1") + request(target="/2"))
        assert [client.response().body for _ in range(3)] == [b"0", b"1", b"2"]

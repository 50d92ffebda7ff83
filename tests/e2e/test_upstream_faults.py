"""The named faults of an upstream: refuses, resets, stalls, closes early, lies about its length,
floods.

Each must end in an answer or a visible cut, free the upstream's connection, and leave the gateway
serving.
"""
import time

import pytest
from support.client import request
from support.message import Closed
from support.problem import assert_problem
from support.timing import DEADLINE_SECONDS, wait_until
from support.upstream import answer, early, in_turn, raw, response

HEAD = b"HTTP/1.1 200 OK\r\n"

BAD_RESPONSES = {
    "garbage": b"this is no HTTP\r\n\r\n",
    "empty_line_only": b"\r\n\r\n",
    "http_0_9": b"<html>",
    "http_2": b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "status_99": b"HTTP/1.1 99 X\r\nContent-Length: 0\r\n\r\n",
    "status_1000": b"HTTP/1.1 1000 X\r\nContent-Length: 0\r\n\r\n",
    "length_and_chunked":
        HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "two_lengths": HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "bad_length": HEAD + b"Content-Length: 3x\r\n\r\nabc",
    "folded_field": HEAD + b"X: 1\r\n 2\r\nContent-Length: 0\r\n\r\n",
    "bare_lf": HEAD + b"X: 1\nContent-Length: 0\r\n\r\n",
    "bare_cr_in_value": HEAD + b"X: a\rb\r\nContent-Length: 0\r\n\r\n",
    "nul_in_value": HEAD + b"X: a\x00b\r\nContent-Length: 0\r\n\r\n",
    "space_before_colon": HEAD + b"X : 1\r\nContent-Length: 0\r\n\r\n",
    "head_too_large": HEAD + b"X: " + b"a" * 300_000 + b"\r\n\r\n",
    "too_many_fields": HEAD + b"X: 1\r\n" * 5000 + b"\r\n",
}


def still_serves(gateway, upstream):
    upstream.script = answer(body=b"fine")
    assert gateway.ask().body == b"fine"


@pytest.mark.parametrize("name", BAD_RESPONSES)
def test_a_response_that_is_none_is_502(proxied, name):
    gateway, upstream = proxied(raw(BAD_RESPONSES[name], then="close"))
    with gateway.client() as client:
        assert_problem(client.ask(), 502)
        upstream.script = answer(body=b"fine")
        assert client.ask().body == b"fine"      # the client's connection is not to blame


@pytest.mark.parametrize("then", ["close", "reset"])
@pytest.mark.parametrize("sent", [b"", b"HTTP", HEAD, HEAD + b"Content-Length: 9\r\n"])
def test_an_end_before_the_head_is_502(proxied, then, sent):
    gateway, upstream = proxied(raw(sent, then=then))
    assert_problem(gateway.ask("POST", body=b"x"), 502)
    still_serves(gateway, upstream)


@pytest.mark.parametrize("then", ["close", "reset"])
@pytest.mark.parametrize("body", [b"Content-Length: 100\r\n\r\n",
                                  b"Content-Length: 100\r\n\r\nsome",
                                  b"Transfer-Encoding: chunked\r\n\r\n",
                                  b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
                                  b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n"])
def test_an_end_within_the_body_is_seen_by_the_client(proxied, then, body):
    """Half a body may never look like a whole one."""
    gateway, upstream = proxied(raw(HEAD + body, then=then))
    with gateway.client() as client:
        client.send(request())
        try:
            assert client.response().status == 502      # the cut came before our head had left
        except Closed:
            pass
    still_serves(gateway, upstream)


@pytest.mark.parametrize("body", [b"xyz\r\n", b"3 \r\nabc\r\n0\r\n\r\n", b"3\r\nabcd\r\n0\r\n\r\n"])
def test_broken_chunks_are_seen_by_the_client(proxied, body):
    gateway, upstream = proxied(raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + body))
    with gateway.client() as client:
        client.send(request())
        try:
            assert client.response().status == 502
        except Closed:
            pass
    still_serves(gateway, upstream)


def test_a_body_longer_than_its_length_does_not_become_the_next_response(proxied):
    lie = HEAD + b"Content-Length: 5\r\n\r\nhello" + HEAD + b"Content-Length: 4\r\n\r\nevil"
    gateway, upstream = proxied(in_turn(raw(lie), answer(body=b"fine")))
    with gateway.client() as client:
        assert client.ask().body == b"hello"
        assert client.ask().body == b"fine"


def test_bytes_on_an_idle_pooled_connection_end_it(proxied):
    gateway, upstream = proxied()
    assert gateway.ask().status == 200
    upstream.connections[0].send(HEAD + b"Content-Length: 4\r\n\r\nevil")
    wait_until(lambda: upstream.connections[0].ended, "the connection is dropped")
    assert gateway.ask().body == b"hello"


@early
def endless_head(connection, _):
    connection.send(HEAD)
    while connection.open and not connection.upstream.over.is_set():
        connection.send(b"X-Flood: " + b"a" * 1000 + b"\r\n")


def test_an_endless_head_is_cut(proxied):
    gateway, upstream = proxied(endless_head)
    assert_problem(gateway.ask(), 502)
    assert upstream.requests[0].done.wait(DEADLINE_SECONDS), "the gateway still reads the flood"


@pytest.mark.plain_build
def test_a_flood_to_a_client_that_does_not_read_is_held_back(proxied):
    """G8: back-pressure reaches the upstream; nothing piles up in between."""
    sent = [0]

    @early
    def flood(connection, _):
        connection.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        chunk = b"%x\r\n%s\r\n" % (65536, bytes(65536))
        while connection.open and not connection.upstream.over.is_set():
            connection.send(chunk)
            sent[0] += len(chunk)
    gateway, upstream = proxied(flood)
    gateway.ask("OPTIONS", "*")   # answered by the gateway: the flood is for one client alone
    before = gateway.resident_bytes()
    with gateway.client(receive_buffer=4096) as client:
        client.send(request())
        upstream.wait_for_requests(1)
        steady_since = [0, time.monotonic()]     # bytes sent, and when that number was last new

        def held_back():
            if steady_since[0] != sent[0]:
                steady_since[:] = [sent[0], time.monotonic()]
            return sent[0] > 0 and time.monotonic() - steady_since[1] > 0.5
        wait_until(held_back, "the flood stops")
        assert gateway.resident_bytes() - before < 2 << 20


def test_a_stalled_upstream_holds_up_nobody_else(proxied):
    def by_path(connection, received):
        if received.target == "/stall":
            connection.stall()
        answer()(connection, received)
    gateway, _ = proxied(by_path)
    held = [gateway.client().send(request(target="/stall")) for _ in range(20)]
    for _ in range(20):
        assert gateway.ask().status == 200
    for client in held:
        client.socket.close()


def test_an_upstream_that_never_reads_gets_no_more_than_the_sockets_hold(proxied):
    @early
    def deaf(connection, _):
        connection.stall()
    gateway, _ = proxied(deaf, upstream_options={"receive_buffer": 4096},
                         listen='limits = { body = "1GiB" }')
    with gateway.client() as client:
        client.socket.settimeout(1)
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n")
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < 100_000_000:
                sent += client.socket.send(bytes(65536))
        assert sent < 50_000_000


def test_slow_bytes_make_a_whole_response(proxied):
    data = HEAD + b"X-Slow: yes\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    gateway, _ = proxied(lambda connection, _: connection.send_in_steps(data))
    answered = gateway.ask()
    assert (answered.body, answered.get("X-Slow")) == (b"hello", "yes")

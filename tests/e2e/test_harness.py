"""The harness itself, without a gateway in between: a test is worth what its tools are worth."""
import socket
import ssl

import pytest
from support.client import Client, ask, request
from support.load import due, most_beyond
from support.message import Closed
from support.timing import wait_until
from support.upstream import answer, early, in_turn, raw


def test_what_is_sent_is_what_is_recorded(upstream):
    behind = upstream()
    data = request("POST", "/a?b", [("X-One", "1"), ("x-one", "2")], chunks=[b"abc", b"d"],
                   trailers=[("X-T", "t")])
    with Client(behind.port) as client:
        assert client.send_in_steps(data).response().body == b"hello"
    assert behind.last.raw == data
    assert (behind.last.body, behind.last.trailers) == (b"abcd", [("X-T", "t")])


def test_scripts_come_in_turn_and_the_last_one_stays(upstream):
    behind = upstream(in_turn(answer(body=b"1"), answer(body=b"2")))
    with Client(behind.port) as client:
        assert [client.ask().body for _ in range(3)] == [b"1", b"2", b"2"]


def test_a_reset_is_a_reset_and_a_close_a_close(upstream):
    behind = upstream(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", then="reset"))
    with pytest.raises(Closed) as caught:
        ask(behind.port)
    assert caught.value.reset
    behind.script = raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", then="close")
    with pytest.raises(Closed) as caught:
        ask(behind.port)
    assert not caught.value.reset and caught.value.got == b"abc"


def test_the_upstream_tells_how_a_client_ended(upstream):
    @early
    def wait(connection, _):
        connection.wait_for_end()
    behind = upstream(wait)
    Client(behind.port).send(request()).reset()
    behind.wait_for_connections(1)
    wait_until(lambda: behind.connections[0].ended == "reset", "a reset")
    with Client(behind.port) as client:
        client.send(request()).half_close()
        wait_until(lambda: len(behind.connections) == 2
                   and behind.connections[1].ended == "closed", "a close")


def test_a_response_without_end_is_no_response(upstream):
    behind = upstream(raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
                          then="close"))
    with pytest.raises(Closed):
        ask(behind.port)


def test_the_black_hole_takes_no_connection(black_hole):
    host, port = black_hole.split(":")
    with pytest.raises(TimeoutError):
        socket.create_connection((host, int(port)), timeout=0.5)


def test_certificates_verify(upstream, authority, stranger):

    behind = upstream(tls=authority.server_context("localhost"))
    assert ask(behind.port, tls=authority.client_context()).status == 200
    with pytest.raises(ssl.SSLError):
        ask(behind.port, tls=stranger.client_context())


def test_nginx_serves(nginx):
    one = nginx('location / { return 200 "x"; }')
    assert ask(one.port).body == b"x"


@pytest.mark.parametrize("admitted, most", [
    ([(0, 0)] * 3 + [(1, 1), (2, 2)], 3),
    ([(0, 0), (1, 1), (2, 2)] + [(9, 9)] * 4, 4),               # whatever was left unused before
    ([(5, 5), (9, 9), (9, 9), (9.5, 9.5), (10, 10)], 3),
    ([(0, 2), (1, 3), (1, 3)], 0)],                             # decided at any time in between
    ids=["at-the-start", "at-the-end", "in-the-midst", "slowly"])
def test_every_window_is_held_to_a_limit(admitted, most):
    """The most beyond one a second."""
    assert most_beyond(admitted, 1) == most


@pytest.mark.parametrize("answered, owed", [([0] * 5, 3), ([0, 0, 0, 2, 1, 1], 5), ([0, 100, 100, 100, 100], 4)],
                         ids=["the-burst", "the-rate", "what-waits-is-lost"])
def test_what_a_limit_owes(answered, owed):
    """One a second and three at once."""
    assert due(answered, 1, 3) == owed

"""The named faults of a client: vanishes, stalls, sends a byte at a time. (Stalls:
test_timeouts.py.)"""
import pytest
from support.client import request
from support.timing import DEADLINE_SECONDS, wait_until
from support.upstream import answer, early

BIG = b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n"


def still_serves(gateway, upstream):
    upstream.script = answer(body=b"fine")
    assert gateway.ask().body == b"fine"


def gone(connection):
    wait_until(lambda: connection.ended, "the upstream's connection is ended")


@pytest.mark.threads
def test_a_client_that_resets_while_waiting_frees_the_upstream(proxied):
    @early
    def wait(connection, _):
        connection.wait_for_end()
    gateway, upstream = proxied(wait)
    client = gateway.client().send(request())
    upstream.wait_for_requests(1)
    client.reset()
    gone(upstream.connections[0])
    still_serves(gateway, upstream)


def test_a_client_that_resets_within_its_body(proxied):
    @early
    def wait(connection, _):
        connection.wait_for_end()
    gateway, upstream = proxied(wait)
    client = gateway.client().send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\npart")
    upstream.wait_for_requests(1)
    client.reset()
    gone(upstream.connections[0])
    still_serves(gateway, upstream)


@pytest.mark.parametrize("head", [b"Content-Length: 100\r\n\r\npart",
                                  b"Transfer-Encoding: chunked\r\n\r\n4\r\npart\r\n"])
def test_a_fin_within_the_body_is_an_abort(proxied, head):
    gateway, upstream = proxied()
    with gateway.client() as client:
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\n" + head)
        client.half_close()
        data = client.read_to_end_whatever_happens()
        assert not data.startswith(b"HTTP/1.1 2")
    wait_until(lambda: all(one.ended for one in upstream.connections), "no upload is left behind")
    assert all(not one.done.is_set() for one in upstream.requests)
    still_serves(gateway, upstream)


def test_a_client_that_vanishes_within_the_response(proxied):
    @early
    def endless(connection, _):
        connection.send(BIG)
        while connection.open and not connection.upstream.over.is_set():
            connection.send(bytes(100_000))
    gateway, upstream = proxied(endless)
    client = gateway.client().send(request())
    client.reader.head()
    client.reset()
    assert upstream.requests[0].done.wait(DEADLINE_SECONDS)
    still_serves(gateway, upstream)


def test_a_client_that_vanishes_while_its_body_is_held_back_is_noticed(proxied):
    """T10.3: RST while the gateway does not read from it."""
    @early
    def deaf(connection, _):
        connection.stall()
    gateway, upstream = proxied(deaf, upstream_options={"receive_buffer": 4096},
                                listen='limits = { body = "1GiB" }')
    client = gateway.client()
    client.socket.settimeout(0.5)
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n")
    with pytest.raises(TimeoutError):
        while True:
            client.socket.send(bytes(65536))
    client.reset()
    wait_until(lambda: gateway.metric("sluice_connections", listener="plain") == 0,
               "the client is let go")


@pytest.mark.threads
def test_many_clients_that_vanish_at_every_byte_leave_nothing_behind(proxied):
    gateway, upstream = proxied()
    data = request("POST", "/x", [("X-Some", "field")], body=b"body")
    assert gateway.ask().status == 200
    files = gateway.open_files()
    for cut in range(0, len(data) + 1):
        client = gateway.client().send(data[:cut])
        client.reset() if cut % 2 else client.socket.close()
    still_serves(gateway, upstream)
    # the pool may keep connections to the upstream, one more per abandoned request at most at a
    # time
    wait_until(lambda: gateway.metric("sluice_connections", listener="plain") == 0,
               "all clients are gone")
    wait_until(lambda: gateway.open_files() <= files + 8, "their files are closed")


def test_one_byte_at_a_time_serves_like_any_other(proxied):
    gateway, upstream = proxied()
    with gateway.client() as client:
        assert client.send_in_steps(request("POST", "/x",
                                            body=b"0123456789")).response().status == 200
    assert upstream.last.body == b"0123456789"


def test_a_thousand_half_heads_do_not_slow_the_rest(proxied):
    gateway, _ = proxied(listen="limits = { per_ip = 2_000 }")
    held = [gateway.client().send(b"GET / HTTP/1.1\r\nHost: a\r\nX-") for _ in range(1000)]
    with gateway.client() as client:
        for _ in range(50):
            assert client.ask().status == 200
    for client in held:
        client.socket.close()

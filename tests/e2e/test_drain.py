"""SIGTERM and SIGINT: what is under way ends, then the process, with code 0. And one instance per
address."""
import contextlib
import os
import signal
import threading
import time

import pytest
from support.client import request
from support.gateway import Gateway, run_command, settings
from support.h2_client import H2Client
from support.timing import DEADLINE_SECONDS, SLOW, wait_until
from support.upstream import answer

SIZE = 4_000_000


def refused(port_client):
    try:
        with port_client():
            return False
    except OSError:
        return True


@pytest.mark.threads
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_download_under_way_ends_whole(proxied, number):
    go_on = threading.Event()

    def in_two_parts(connection, _):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % SIZE + bytes(SIZE // 2))
        connection.stall(go_on)
        connection.send(bytes(SIZE // 2))
    gateway, _ = proxied(in_two_parts)
    with gateway.client() as client:
        client.send(request())
        client.reader.head()
        client.reader.take(1000)
        gateway.signal(number)
        wait_until(lambda: refused(gateway.client), "no new connection is taken")
        assert gateway.process.poll() is None
        go_on.set()
        assert len(client.reader.take(SIZE - 1000)) == SIZE - 1000
        assert client.is_closed()
    assert gateway.wait() == 0


@pytest.mark.threads
def test_a_request_on_a_connection_that_was_new_when_draining_began_is_answered(proxied):
    gateway, _ = proxied()
    asked, silent = gateway.client(), gateway.client()
    gateway.signal(signal.SIGTERM)
    wait_until(lambda: refused(gateway.client), "no new connection is taken")
    time.sleep(0.1)
    answered = asked.ask()
    assert (answered.status, answered.get("Connection", "").lower()) == (200, "close")
    assert asked.is_closed()
    began = time.monotonic()
    assert silent.is_closed()
    assert time.monotonic() - began < 1.5 * SLOW, "who asks nothing is not waited for"
    assert gateway.wait() == 0


def test_requests_that_race_with_the_end_of_idle_connections_are_answered_or_unsent(proxied):
    """A client whose request left before the gateway's FIN came gets an answer, as far as the gateway can see it."""
    gateway, _ = proxied()
    clients = [gateway.client() for _ in range(20)]
    for client in clients:
        client.ask()
    for client in clients:
        client.send(request())
    gateway.signal(signal.SIGTERM)
    assert [client.response().status for client in clients] == [200] * len(clients)
    assert gateway.wait() == 0


@pytest.mark.parametrize("seconds", [10 if os.environ.get("SLUICE_FULL") else 3])
def test_a_download_of_some_seconds_begun_before_sigterm_ends_whole(proxied, seconds):
    pieces = seconds * 10

    def slow(connection, _):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (pieces * 1000))
        for number in range(pieces):
            time.sleep(0.1)
            connection.send(b"%d" % (number % 10) * 1000)
    gateway, _ = proxied(slow, server=f'drain_timeout = "{2 * seconds}s"')
    with gateway.client() as client:
        client.send(request())
        client.reader.head()
        gateway.signal(signal.SIGTERM)
        client.socket.settimeout(DEADLINE_SECONDS)
        body = client.reader.take(pieces * 1000)
        assert body == b"".join(b"%d" % (number % 10) * 1000 for number in range(pieces))
        assert client.is_closed()
    assert gateway.wait() == 0


def test_a_proxy_header_that_never_comes_does_not_hold_up_the_end(proxied):
    gateway, _ = proxied(top='trusted_proxies = ["127.0.0.0/8"]', listen="proxy_protocol = true")
    client = gateway.client()
    client.send(b"PROXY TCP4 ")
    began = time.monotonic()
    gateway.signal(signal.SIGTERM)
    assert gateway.wait() == 0
    assert time.monotonic() - began < 3 * SLOW
    assert client.is_closed()


def test_a_response_while_draining_says_close(proxied):
    go_on = threading.Event()

    def later(connection, received):
        connection.stall(go_on)
        answer()(connection, received)
    gateway, upstream = proxied(later)
    with gateway.client() as client:
        client.send(request())
        upstream.wait_for_requests(1)
        gateway.signal(signal.SIGTERM)
        wait_until(lambda: refused(gateway.client), "no new connection is taken")
        go_on.set()
        answered = client.response()
        assert (answered.status, answered.get("Connection", "").lower()) == (200, "close")
    assert gateway.wait() == 0


def test_who_goes_on_sending_behind_his_answer_does_not_hold_up_the_end(proxied):
    """He is heard for half a minute otherwise; five seconds are left to him."""
    gateway, _ = proxied(listen='limits = { body = "1KiB" }', server='drain_timeout = "60s"')
    with gateway.client() as client:
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n")
        assert client.reader.head().status == 413
        began = time.monotonic()
        gateway.signal(signal.SIGTERM)
        with contextlib.suppress(ConnectionError):
            while time.monotonic() - began < 4 * DEADLINE_SECONDS:
                client.send(b"x")
                time.sleep(0.5)
        assert gateway.wait(DEADLINE_SECONDS) == 0
        assert time.monotonic() - began < 5 + 3 * SLOW


def test_idle_connections_do_not_hold_up_the_end(proxied):
    gateway, _ = proxied()
    clients = [gateway.client() for _ in range(5)]
    for client in clients:
        client.ask()
    gateway.signal(signal.SIGTERM)
    assert gateway.wait(DEADLINE_SECONDS) == 0
    assert all(client.is_closed() for client in clients)


def test_what_does_not_end_is_cut_after_drain_timeout(proxied):
    gateway, upstream = proxied(lambda connection, _: connection.stall(),
                                server='drain_timeout = "1s"')
    with gateway.client() as client:
        client.send(request())
        upstream.wait_for_requests(1)
        gateway.signal(signal.SIGTERM)
        assert gateway.wait(1 + DEADLINE_SECONDS) == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_a_second_instance_on_the_same_address_refuses_to_start(gateway, upstream, tmp_path, workers):
    behind = upstream()
    config = settings(behind, server=f"workers = {workers}")
    one = gateway(config)
    # Nothing but the listener's address is common: admin, control socket and logs are its own.
    second = Gateway(tmp_path / "second", config, ports={"port": one.port})
    done = run_command("run", second.config)
    assert done.returncode == 1
    assert f"listen.plain: cannot listen on 127.0.0.1:{one.port}: another process is listening there" in done.stderr
    for _ in range(20):
        assert one.ask().status == 200


def test_a_restart_finds_its_address_free(gateway, upstream):
    behind = upstream()
    config = settings(behind)
    first = gateway(config)
    with first.client() as client:      # leaves a connection in TIME_WAIT on the gateway's side
        client.ask(fields=[("Connection", "close")])
    ports = dict(first.ports)
    first.stop()
    second = gateway(config, ports=ports)
    assert second.ask().status == 200


@pytest.mark.threads
def test_http2_clients_are_told_to_leave_one_after_the_other(gateway, upstream):
    one = gateway(settings(upstream(), server=f'drain_timeout = "{2 + SLOW // 2}s"', listen='protocols = ["h1", "h2c"]'))
    clients = [H2Client(one.port) for _ in range(4)]
    for client in clients:
        assert client.ask().status == 200
    one.signal(signal.SIGTERM)
    assert clients[0].wait_for_goaway() == 0
    began = time.monotonic()
    assert clients[-1].ask().status == 200 and clients[-1].goaway is None      # still served as before
    assert [client.wait_for_goaway() for client in clients] == [0] * 4
    assert time.monotonic() - began > 0.5          # of 1.4 seconds the last one has three quarters
    assert one.wait() == 0
    for client in clients:
        client.socket.close()

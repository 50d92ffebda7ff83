"""SIGTERM and SIGINT: what is under way ends, then the process, with code 0. And one instance per
address."""
import signal
import subprocess
import threading

import pytest
from support.client import request
from support.gateway import settings
from support.timing import BINARY, DEADLINE_SECONDS, SLOW, wait_until
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
def test_a_second_instance_on_the_same_address_refuses_to_start(gateway, upstream, workers):
    behind = upstream()
    one = gateway(settings(behind, server=f"workers = {workers}"))
    second = subprocess.run([BINARY, "run", one.config], capture_output=True, text=True,
                            timeout=30 * SLOW)
    assert second.returncode != 0
    assert str(one.port) in second.stderr + second.stdout + one.error_log()
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

"""Limits of the whole process: connections in all, of one address, memory, file descriptors."""
import contextlib
import json
import os
import signal
import threading
import time

import pytest
from support.client import Client, ask, request
from support.gateway import Gateway, settings
from support.message import Closed
from support.problem import assert_problem
from support.timing import DEADLINE_SECONDS, SLOW, sanitizer, wait_until
from support.upstream import early

MIB = 1 << 20


def healthy(gateway):
    return (ask(gateway.admin, target="/healthz").status,
            ask(gateway.admin, target="/metrics").status) == (200, 200)


def status_page(gateway):
    return json.loads(ask(gateway.admin, target="/status").body)


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def status_of(client):
    """The status that a connection's request gets; "closed" when it is closed without one."""
    try:
        return client.ask().status
    except (OSError, Closed):
        return "closed"


# connections

@pytest.mark.threads
def test_connections_max_holds_over_all_workers(proxied):
    gateway, _ = proxied(server="workers = 4\nconnections_max = 20")
    clients = [gateway.client() for _ in range(60)]
    found = [status_of(client) for client in clients]
    assert sorted(found) == [200] * 20 + [503] * 40
    assert healthy(gateway)
    gateway.wait_for_metric(40, "sluice_connections_refused_total", listener="plain",
                            reason="connections")
    for client in clients:
        client.socket.close()
    wait_until(lambda: gateway.metric("sluice_connections", listener="plain") == 0, "all are gone")
    again = [gateway.client() for _ in range(20)]
    assert [status_of(client) for client in again] == [200] * 20


@pytest.mark.threads
def test_per_ip_holds_over_all_workers(proxied):
    gateway, _ = proxied(server="workers = 4", listen="limits = { per_ip = 8 }")
    clients = [gateway.client() for _ in range(14)]
    found = [status_of(client) for client in clients]
    assert sorted(found) == [200] * 8 + [503] * 6
    other = gateway.client(source="127.0.0.2")
    assert status_of(other) == 200
    answered = gateway.ask()
    assert_problem(answered, 503, "too_many_connections")
    assert int(answered.get("Retry-After")) > 0
    assert healthy(gateway)
    for client in clients:
        client.socket.close()
    wait_until(lambda: gateway.metric("sluice_connections", listener="plain") == 1, "all but the other are gone")
    assert [status_of(gateway.client()) for _ in range(8)] == [200] * 8
    lines = [line for line in gateway.error_log().splitlines() if "connections refused" in line]
    assert 1 <= len(lines) <= 4     # each worker its own, every 10 s at most
    assert "limit=per_ip" in lines[0]


def test_who_is_refused_keeps_no_place_by_sending_on(proxied):
    gateway, _ = proxied(listen="limits = { per_ip = 1 }")
    with gateway.client() as held, gateway.client() as client:
        assert status_of(held) == 200
        began = time.monotonic()
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n")
        assert client.reader.head().status == 503
        with contextlib.suppress(ConnectionError):
            while time.monotonic() - began < 4 * DEADLINE_SECONDS:
                client.send(b"x")
                time.sleep(0.5)
        assert time.monotonic() - began < 5 + 3 * SLOW


def test_per_ip_goes_by_the_address_of_the_proxy_header(proxied):
    gateway, _ = proxied(top='trusted_proxies = ["127.0.0.0/8"]',
                         listen="proxy_protocol = true\nlimits = { per_ip = 2 }")

    def come(address):
        client = gateway.client()
        client.send(f"PROXY TCP4 {address} 192.0.2.1 1000 80\r\n".encode())
        return client
    same = [come("198.51.100.1") for _ in range(3)]
    assert [status_of(client) for client in same] == [200, 200, 503]
    others = [come(f"198.51.100.{number}") for number in range(2, 12)]
    assert [status_of(client) for client in others] == [200] * 10


def test_per_ip_does_not_hold_for_trusted_proxies(proxied):
    gateway, _ = proxied(top='trusted_proxies = ["127.0.0.0/8"]', listen="limits = { per_ip = 2 }")
    clients = [gateway.client() for _ in range(6)]
    assert [status_of(client) for client in clients] == [200] * 6


# memory

@early
def endless(connection, received):
    """A download that goes on until somebody ends it; an upload of which nothing is read."""
    if received.target == "/small":
        return connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    if received.start.startswith("POST"):
        return connection.stall()
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
    while connection.open:
        connection.send(bytes(MIB))


# Slow readers come over a unix socket: the kernel holds little for them, so that the gateway soon must.
RESPOND = '[route.r]\nmatch = { path = "/**" }\nrespond = { status = 200 }\n'
LOCAL = """
[listen.local]
address = "unix:@dir@/s"
"""


def download(gateway):
    client = Client(gateway.folder / "s")
    client.send(request(target="/large"))
    return client


def upload(gateway):
    client = gateway.client()
    client.socket.settimeout(0.2)
    try:
        client.send(b"POST /large HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n\r\n")
        client.send(bytes(9_000_000))
    except OSError:
        pass        # nobody takes more: as it should be
    client.socket.settimeout(DEADLINE_SECONDS)
    return client


def in_threads(count, make):
    made = []

    def work(part):
        for _ in range(part):
            made.append(make())
    threads = [threading.Thread(target=work, args=(count // 20,)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return made


# What a process needs besides: code, stacks of the threads, the batches in which workers report, spare pages,
# the allocator's waste. And 8 KiB for each request that was let in before.
ALLOWANCE = 12 * MIB


@pytest.mark.threads
@pytest.mark.parametrize("make", [download, upload])
def test_slow_transfers_reach_memory_max_and_no_further(proxied, make):
    gateway, _ = proxied(endless, server='workers = 2\nmemory_max = "16MiB"',
                         listen='limits = { body = "10MiB", per_ip = 5000 }', more=LOCAL)
    assert gateway.ask(target="/small").status == 200
    idle = gateway.resident_bytes()
    clients = in_threads(400, lambda: make(gateway))
    # New requests are told, on new connections; and readiness and metrics are there.
    wait_until(lambda: gateway.ask(target="/small").status == 503, "memory_max is reached")
    answered = gateway.ask(target="/small")
    assert_problem(answered, 503, "memory_full")
    assert int(answered.get("Retry-After")) > 0
    assert healthy(gateway)
    assert gateway.metric("sluice_traffic_memory_limit_bytes") == 16 * MIB
    end = time.monotonic() + 1.5
    peak = 0
    while time.monotonic() < end:
        peak = max(peak, gateway.resident_bytes())
        time.sleep(0.02)
    if not sanitizer():
        limit = 16 * MIB + ALLOWANCE
        assert peak - idle < limit, f"{(peak - idle) / MIB:.1f} MiB above idle"
        assert gateway.metric("sluice_traffic_memory_bytes") < 16 * MIB + 8 * MIB
    for client in clients:
        client.socket.close()
    wait_until(lambda: gateway.ask(target="/small").status == 200, "it has recovered")


@pytest.mark.plain_build
def test_the_slowest_are_let_go_when_memory_stays_full(proxied):
    gateway, _ = proxied(endless, server='memory_max = "16MiB"', more=LOCAL)
    clients = in_threads(200, lambda: download(gateway))
    wait_until(lambda: gateway.ask(target="/small").status == 503, "memory_max is reached")
    wait_until(lambda: gateway.metric("sluice_connections_shed_total") > 0, "some are reset", 12)
    wait_until(lambda: gateway.ask(target="/small").status == 200, "it has recovered", 12)

    def shed():
        return [line for line in gateway.access_log()
                if line.get("problem") == "memory_full" and line["status"] == 200]
    assert wait_until(shed, "the log has them")[0]["aborted"] == "gateway"
    gateway.wait_for_error_line("memory_max is reached")
    for client in clients:
        client.socket.close()


def test_a_transfer_under_way_goes_on_while_memory_is_full(proxied):
    body = bytes(range(256)) * 40_000        # 10 MB

    @early
    def script(connection, received):
        if received.target != "/whole":
            return endless(connection, received)
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body))
        for at in range(0, len(body), MIB):
            connection.send(body[at:at + MIB])
    gateway, _ = proxied(script, server='memory_max = "16MiB"', more=LOCAL)
    with gateway.client() as client:
        client.send(request(target="/whole"))
        assert client.reader.head().status == 200
        slow = in_threads(200, lambda: download(gateway))
        wait_until(lambda: gateway.ask(target="/small").status == 503, "memory_max is reached")
        assert client.reader.take(len(body)) == body
    for one in slow:
        one.socket.close()


# descriptors

def few_descriptors(count):
    return {"wrapper": ["prlimit", f"--nofile={count}:{count}"]}


def test_connections_max_is_what_the_descriptors_allow_unless_the_file_says_more(gateway):
    one = gateway(settings(more=LOCAL), **few_descriptors(160))
    assert "connections_max cannot be reached" not in one.error_log()
    allowed = status_page(one)["connections"]["max"]
    assert 100 < allowed < 160
    assert one.metric("sluice_connections_limit") == allowed
    one.reload(settings(server="connections_max = 1000", more=LOCAL))
    one.wait_for_error_line("connections_max cannot be reached")
    assert status_page(one)["connections"]["max"] == 1000
    assert one.metric("sluice_connections_limit") == 1000


@pytest.mark.plain_build
def test_a_reload_that_wants_more_workers_than_there_are_descriptors_for_is_refused(gateway):
    one = gateway(settings(more=RESPOND), **few_descriptors(100))
    assert "too few file descriptors for 40 workers" in one.reload(settings(server="workers = 40", more=RESPOND), code=1)
    assert one.ask().status == 200
    assert one.reload(settings(server="workers = 2", more=RESPOND)).startswith("applied")


@pytest.mark.plain_build
def test_a_start_with_hardly_any_descriptors_says_what_is_wanting(tmp_path):
    one = Gateway(tmp_path, settings(more=LOCAL), **few_descriptors(16))
    with pytest.raises(AssertionError, match="the limit on open files is 16: at least 64 are needed"):
        one.start()


@pytest.mark.plain_build
def test_out_of_descriptors_clients_are_told_and_admin_answers(proxied):
    gateway, _ = proxied(gateway_options=few_descriptors(160))
    assert gateway.ask().status == 200
    existing = gateway.client()
    assert existing.ask().status == 200
    began, spent = time.monotonic(), cpu_seconds(gateway.pid)
    clients = [gateway.client() for _ in range(200)]
    for client in clients:
        client.socket.settimeout(0.5)
    found = [status_of(client) for client in clients[:130]]
    served = found.index(503)
    assert found[:served] == [200] * served and 200 not in found[served:]
    assert found.count(503) > 10
    assert healthy(gateway)
    assert gateway.open_files() <= 160
    wait_until(lambda: time.monotonic() - began > 2, "two seconds have passed")
    assert healthy(gateway)
    assert existing.ask().status == 200
    assert cpu_seconds(gateway.pid) - spent < 0.6, "it turns in circles"
    lines = gateway.error_log().splitlines()
    assert sum("connections refused" in line or "cannot accept" in line for line in lines) <= 4
    refused = gateway.metric("sluice_connections_refused_total", reason="descriptors")
    assert refused > 0
    for client in clients:
        client.socket.close()
    wait_until(lambda: gateway.ask().status == 200, "it has recovered")


@pytest.mark.plain_build
def test_all_descriptors_gone_it_waits_and_goes_on(proxied):
    """The limit falls under a running gateway, below what is open: every accept fails."""
    gateway, _ = proxied()
    held = [gateway.client() for _ in range(10)]
    for client in held:
        assert client.ask().status == 200
    limit = gateway.open_files()
    os.system(f"prlimit --pid {gateway.pid} --nofile={limit}:")
    spent, began = cpu_seconds(gateway.pid), time.monotonic()
    waiting = [gateway.client() for _ in range(5)]
    for client in waiting:
        client.send(request())
    wait_until(lambda: time.monotonic() - began > 1.5, "a while has passed")
    assert held[0].ask().status == 200, "who is connected is served"
    assert cpu_seconds(gateway.pid) - spent < 0.3, "it turns in circles"
    lines = [line for line in gateway.error_log().splitlines() if "cannot accept" in line]
    assert len(lines) == 1
    os.system(f"prlimit --pid {gateway.pid} --nofile=1000:")
    assert [client.response().status for client in waiting] == [200] * 5
    assert gateway.metric("sluice_accept_pauses_total", listener="plain") > 5


# reload

@pytest.mark.threads
def test_a_reload_changes_the_limits_and_keeps_the_counts(proxied):
    gateway, _ = proxied(server="workers = 2\nconnections_max = 4",
                         listen="limits = { per_ip = 50 }")

    def reload(old, new):
        before = gateway.error_log().count("reloaded result=applied")
        gateway.config_text = gateway.config_text.replace(old, new)
        gateway.config.write_text(gateway.config_text)
        gateway.signal(signal.SIGHUP)
        wait_until(lambda: gateway.error_log().count("reloaded result=applied") > before, "applied")
    held = [gateway.client() for _ in range(4)]
    assert [status_of(client) for client in held] == [200] * 4
    assert gateway.ask().status == 503
    reload("connections_max = 4", "connections_max = 6")
    more = [gateway.client() for _ in range(3)]
    assert sorted(status_of(client) for client in more) == [200, 200, 503]
    reload("per_ip = 50", "per_ip = 6")
    reload("connections_max = 6", "connections_max = 100")
    assert_problem(gateway.ask(), 503, "too_many_connections")
    assert gateway.ask(source="127.0.0.3").status == 200
    reload("connections_max = 100", 'connections_max = 100\nmemory_max = "32MiB"')
    assert gateway.metric("sluice_traffic_memory_limit_bytes") == 32 * MIB
    assert [status_of(client) for client in held] == [200] * 4

"""What a connection that waits for its next request costs in resident memory: at most 15.0 KB over
TLS, 700 bytes plain: 512 of ClientConnection and 64 of the socket. A WebSocket has two of them and its Tunnel: 1.5 KiB."""
import resource
import ssl
import time

import pytest
from support.client import Client
from support.gateway import settings
from support.timing import wait_until
from support.websocket import QuietUpstream, WebSocket

pytestmark = pytest.mark.plain_build

SECURE = """
[listen.secure]
address = "127.0.0.1:@tls@"
tls = "site"
limits = {{ per_ip = 10_000 }}
[tls.site]
certificates = [{{ cert = "{}", key = "{}" }}]
"""
WARM = 100    # the first connections page in code, and fill what is kept for later ones


@pytest.fixture
def descriptors():
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def connect(port, context, count):
    """Connections that have made a request and wait, as those of browsers do."""
    clients = [Client(port, tls=context) for _ in range(count)]
    for client in clients:
        assert client.ask(target="/idle").status == 204
    return clients


@pytest.mark.parametrize("kind, count, bytes_max", [
    ("plain", 4_000, 700), ("TLSv1.2", 500, 15_000), ("TLSv1.3", 500, 15_000),
])
def test_idle_connections_cost_little(gateway, authority, descriptors, kind, count, bytes_max):
    text = settings(listen="limits = { per_ip = 10_000 }", more=SECURE.format(*authority.leaf("localhost")) + """
[route.idle]
match = { path = "/idle" }
respond = { status = 204 }
""")
    # Lines on their way to the log are no part of a connection.
    log = text[text.index("[log.access]"):text.index("[log.error]")]
    one = gateway(text.replace(log, ""))
    context = None
    if kind != "plain":
        version = ssl.TLSVersion.TLSv1_2 if kind == "TLSv1.2" else ssl.TLSVersion.TLSv1_3
        context = authority.client_context(version, version)
    port = one.port if kind == "plain" else one.tls
    for client in connect(port, context, WARM):
        client.socket.close()
    listener = "plain" if kind == "plain" else "secure"
    wait_until(lambda: one.metric("sluice_connections", listener=listener) == 0,
               "the first ones are gone")
    kept = connect(port, context, WARM)
    before = one.resident_bytes()
    kept += connect(port, context, count)
    each = (one.resident_bytes() - before) / count
    for client in kept:
        client.socket.close()
    assert each <= bytes_max, f"{each:.0f} bytes"


class Relayed:
    """A gateway with sockets to an upstream that says nothing."""

    def __init__(self, gateway, authority, kind):
        self.behind = QuietUpstream()
        secure = SECURE.format(*authority.leaf("localhost"))
        text = settings(self.behind, listen="limits = { per_ip = 10_000 }", more=secure)
        log = text[text.index("[log.access]"):text.index("[log.error]")]
        self.one = gateway(text.replace(log, "").replace('path = "/**" }', 'path = "/**", upgrade = "websocket" }'))
        self.secure = {"tls": authority.client_context()} if kind == "wss" else {}
        self.kept = self.opened(WARM)
        self.before = self.one.resident_bytes()

    def opened(self, count):
        port = self.one.tls if self.secure else self.one.port
        return [WebSocket(port, "/live/feed", **self.secure) for _ in range(count)]

    def close(self, sockets, left):
        self.behind.end(left)
        for socket in sockets:
            socket.connection.socket.close()
        self.one.wait_for_metric(left, "sluice_tunnels", route="all")

    def stop(self):
        self.close(self.kept, 0)
        self.behind.stop()


def test_relayed_sockets_cost_little(gateway, authority, descriptors):
    relayed = Relayed(gateway, authority, "plain")
    sockets = relayed.opened(2_000)
    each = (relayed.one.resident_bytes() - relayed.before) / 2_000
    assert relayed.one.metric("sluice_tunnels", route="all") == 2_000 + WARM
    relayed.close(sockets, WARM)
    relayed.stop()
    assert each <= 1_500, f"{each:.0f} bytes"


def test_relayed_sockets_over_tls_give_back_what_they_took(gateway, authority, descriptors):
    """5 s: the gateway looks each second how much there is, and gives back when it is quiet for another."""
    relayed, count = Relayed(gateway, authority, "wss"), 600
    one, traffic = relayed.one, relayed.one.metric("sluice_traffic_memory_bytes")
    sockets = relayed.opened(count)
    most, opened_at = one.resident_bytes(), time.monotonic()
    assert one.metric("sluice_traffic_memory_bytes") > traffic + count * 10_000
    wait_until(lambda: time.monotonic() > opened_at + 1.3, "it has looked")
    relayed.close(sockets, WARM)
    assert one.metric("sluice_traffic_memory_bytes") < traffic + 2_000_000   # a megabyte of each kind of object is kept
    wait_until(lambda: one.resident_bytes() - relayed.before < (most - relayed.before) / 3, "it is given back")
    relayed.stop()
    each = (most - relayed.before) / count
    assert each <= 16_500, f"{each:.0f} bytes"


def test_an_empty_process_is_small(gateway):
    """Nothing configured but a listener, nothing served yet: what every gateway pays first."""
    one = gateway(settings())
    assert one.resident_bytes() <= 12_000_000

"""What a connection that waits for its next request costs in resident memory: at most 15.0 KB over
TLS, 700 bytes plain: 512 of ClientConnection and 64 of the socket. A WebSocket has two of them and its Tunnel: 1.5 KiB."""
import resource
import ssl

import pytest
from support.client import Client
from support.gateway import settings
from support.timing import wait_until
from support.websocket import QuietUpstream, WebSocket

pytestmark = pytest.mark.plain_build

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
    cert, key = authority.leaf("localhost")
    text = settings(listen="limits = { per_ip = 10_000 }", more=f"""
[listen.secure]
address = "127.0.0.1:@tls@"
tls = "site"
[tls.site]
certificates = [{{ cert = "{cert}", key = "{key}" }}]
[route.idle]
match = {{ path = "/idle" }}
respond = {{ status = 204 }}
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


def test_relayed_sockets_cost_little(gateway, descriptors):
    behind = QuietUpstream()
    text = settings(behind, listen="limits = { per_ip = 10_000 }").replace(
        'path = "/**" }', 'path = "/**", upgrade = "websocket" }')
    log = text[text.index("[log.access]"):text.index("[log.error]")]
    one = gateway(text.replace(log, ""))

    def opened(count):
        return [WebSocket(one.port, "/live/feed") for _ in range(count)]
    kept = opened(WARM)
    before = one.resident_bytes()
    kept += opened(2_000)
    each = (one.resident_bytes() - before) / 2_000
    assert one.metric("sluice_tunnels", route="all") == 2_000 + WARM
    behind.stop()
    for socket in kept:
        socket.connection.socket.close()
    one.wait_for_metric(0, "sluice_tunnels", route="all")
    assert each <= 1_536, f"{each:.0f} bytes"


def test_an_empty_process_is_small(gateway):
    """Nothing configured but a listener, nothing served yet: what every gateway pays first."""
    one = gateway(settings())
    assert one.resident_bytes() <= 12_000_000

"""A connection to a server is used only by requests of one upstream, one TLS identity and one protocol (F6)."""
import contextlib
import ssl
import threading
from types import SimpleNamespace

import pytest
from cryptography import x509
from support.gateway import settings
from support.h2_upstream import H2Upstream
from support.timing import wait_until
from support.upstream import Upstream

RELOADS = "sluice_tls_certificate_reloads_total"
PROTOCOLS = pytest.mark.parametrize("protocol", ["h1", "h2"])
NAMES = ("inner.example", "other.example")


class Server:
    """Asks for a certificate and notes of each request (connection, SNI, serial number of our certificate, target).
    `gate`: called with the name while a handshake goes on; `script`: called before each answer."""

    def __init__(self, authority, protocol, gate=None, script=None):
        self.seen, self.protocol = [], protocol
        self.gate, self.script = gate or (lambda _: None), script or (lambda _: None)
        context = authority.server_context(*NAMES)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(str(authority.cert))
        context.set_alpn_protocols(["h2" if protocol == "h2" else "http/1.1"])
        context.sni_callback = self._named
        self.running = H2Upstream(self._h2, tls=context) if protocol == "h2" else Upstream(self._h1, tls=context)
        self.address = self.running.address

    def _named(self, sock, name, _):
        sock.sni = name
        self.gate(name)

    def _note(self, connection, target):
        self.seen.append(SimpleNamespace(number=connection.number, sni=connection.socket.sni, target=target,
                                         serial=int(connection.socket.getpeercert()["serialNumber"], 16)))
        self.script(target)

    def _h1(self, connection, request):
        self._note(connection, request.target)
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    def _h2(self, connection, request):
        def run():
            self._note(connection, request.get(":path"))
            connection.answer(request, b"")
        threading.Thread(target=run, daemon=True).start()

    def of(self, target):
        return [one for one in self.seen if one.target == target]

    def numbers(self, target):
        return {one.number for one in self.of(target)}


@contextlib.contextmanager
def serving(*arguments, **options):
    server = Server(*arguments, **options)
    with contextlib.ExitStack() as stack:
        if server.protocol == "h2":
            stack.enter_context(server.running)
        else:
            stack.callback(server.running.stop)
        yield server


def upstream_lines(name, server, tls, protocol):
    return f"""
[upstream.{name}]
servers = ["{server.address}"]
protocol = "{protocol}"
timeout = {{ connect = "30s" }}
tls = {{ {tls} }}
[route.{name}]
match = {{ path = "/{name}" }}
upstream = "{name}"
"""


def identity(authority, pair, sni=NAMES[0]):
    return f'ca = "{authority.cert}", sni = "{sni}", cert = "{pair[0]}", key = "{pair[1]}"'


def serial_of(pair):
    return x509.load_pem_x509_certificate(pair[0].read_bytes()).serial_number


@PROTOCOLS
@pytest.mark.parametrize("difference", ["name of the upstream", "sni", "client certificate", "authority"])
def test_upstreams_with_one_server_share_no_connection(gateway, authority, tmp_path, protocol, difference):
    pair = authority.leaf("gateway", stem=tmp_path / "gateway")
    other = authority.leaf("gateway", stem=tmp_path / "other") if difference == "client certificate" else pair
    sni = NAMES[1] if difference == "sni" else NAMES[0]
    second = identity(authority, other, sni)
    if difference == "authority":
        copy = tmp_path / "copy.pem"
        copy.write_bytes(authority.cert.read_bytes())
        second = second.replace(str(authority.cert), str(copy))
    with serving(authority, protocol) as server:
        one = gateway(settings(more=upstream_lines("a", server, identity(authority, pair), protocol) +
                               upstream_lines("b", server, second, protocol)))
        with one.client() as client:
            for target in ("/a", "/b", "/a", "/b", "/b", "/a"):
                assert client.ask(target=target).status == 200
        assert len(server.numbers("/a")) == len(server.numbers("/b")) == 1   # each is pooled
        assert server.numbers("/a").isdisjoint(server.numbers("/b"))
        assert {(seen.sni, seen.serial) for seen in server.of("/a")} == {(NAMES[0], serial_of(pair))}
        assert {(seen.sni, seen.serial) for seen in server.of("/b")} == {(sni, serial_of(other))}


def test_upstreams_that_speak_another_protocol_share_no_connection(gateway, authority, tmp_path):
    """The same server for both: it agrees on what is offered."""
    pair = authority.leaf("gateway", stem=tmp_path / "gateway")
    with serving(authority, "h1") as server:
        one = gateway(settings(more=upstream_lines("a", server, identity(authority, pair), "h1") +
                               upstream_lines("b", server, identity(authority, pair), "h2")))
        assert [one.ask(target=target).status for target in ("/a", "/b", "/a", "/b")] == [200, 502, 200, 502]
        assert len(server.numbers("/a")) == 1 and not server.of("/b")


@PROTOCOLS
@pytest.mark.parametrize("state", ["idle", "busy", "connecting"])
def test_a_connection_with_a_replaced_certificate_takes_no_request(gateway, authority, tmp_path, protocol, state):
    """Whatever it was doing when the files were replaced; what it has it brings to its end."""
    pair = authority.leaf("gateway", stem=tmp_path / "gateway")
    first = serial_of(pair)
    reached, go = threading.Event(), threading.Event()

    def hold(_):
        if not reached.is_set():
            reached.set()
            assert go.wait(30)
    held = {"busy": {"script": hold}, "connecting": {"gate": hold}}.get(state, {})
    with serving(authority, protocol, **held) as server:
        one = gateway(settings(more=upstream_lines("a", server, identity(authority, pair), protocol)))
        statuses = []
        asking = threading.Thread(target=lambda: statuses.append(one.ask(target="/a").status))
        asking.start()
        if state == "idle":
            asking.join()
        else:
            assert reached.wait(10)
        authority.leaf("gateway", stem=tmp_path / "gateway")
        wait_until(lambda: one.metric(RELOADS, tls="upstream.a") == 1, "replaced")
        assert one.ask(target="/a").status == 200
        assert server.seen[-1].serial == serial_of(pair) != first
        fresh = server.seen[-1].number
        go.set()
        asking.join()
        assert statuses == [200]
        old = {seen.number for seen in server.seen if seen.serial == first}
        assert len(old) == 1
        for _ in range(3):
            assert one.ask(target="/a").status == 200
            assert server.seen[-1].number == fresh and server.seen[-1].serial == serial_of(pair)


@PROTOCOLS
def test_a_reload_that_names_another_identity_leaves_the_connections_behind(gateway, authority, tmp_path, protocol):
    pair = authority.leaf("gateway", stem=tmp_path / "gateway")
    with serving(authority, protocol) as server:
        def lines(sni):
            return settings(more=upstream_lines("a", server, identity(authority, pair, sni), protocol))
        one = gateway(lines(NAMES[0]))
        assert [one.ask(target="/a").status for _ in range(2)] == [200, 200]
        one.reload(lines(NAMES[1]))
        assert [one.ask(target="/a").status for _ in range(2)] == [200, 200]
        assert [seen.sni for seen in server.seen] == [NAMES[0]] * 2 + [NAMES[1]] * 2
        assert server.seen[0].number == server.seen[1].number != server.seen[2].number == server.seen[3].number

"""Client certificates as credentials: whose they are, beside other kinds, and what is not accepted."""
import ssl
import time

import pytest
from support.certificates import Authority
from support.client import Client
from support.gateway import settings
from support.h2_websocket import H2WebSocket
from support.message import Closed
from support.problem import assert_problem
from support.timing import SLOW, wait_until
from support.websocket import WebSocket, echo, opened

CONSUMERS = """
[auth.machines]
type = "mtls"
[auth.partners]
type = "api_key"
[consumer.acme]
certificates = [{ dns = "Acme.example" }]
scopes = ["orders:read"]
[consumer.far]
certificates = [{ dns = "far.example" }]
allow_ips = ["203.0.113.0/24"]
"""


@pytest.fixture
def guarded(gateway, upstream, authority):
    def start(auth='["machines"]', mode="optional", script=None, more=""):
        cert, key = authority.leaf("localhost")
        behind = upstream(script)
        one = gateway(settings(behind, route=f"""
auth = {auth}
[route.all.headers.request]
set = {{ X-Consumer = "{{consumer}}" }}
""", more=CONSUMERS + more + f"""
[listen.secure]
address = "127.0.0.1:@tls@"
tls = "site"
[tls.site]
certificates = [{{ cert = "{cert}", key = "{key}" }}]
client_cert = {{ ca = "{authority.cert}", mode = "{mode}" }}
"""))
        return one, behind
    return start


def ask(one, authority, pair=None):
    with Client(one.tls, tls=authority.client_context(pair=pair)) as client:
        return client.ask(fields=[("X-Consumer", "spoofed")])


def test_a_certificate_is_its_holders(guarded, authority, tmp_path):
    one, behind = guarded()
    assert ask(one, authority, authority.leaf("acme.example", stem=tmp_path / "acme")).status == 200
    assert behind.requests[-1].all("X-Consumer") == ["acme"]
    unknown = ask(one, authority, authority.leaf("other.example", stem=tmp_path / "other"))
    assert_problem(unknown, 403, "certificate_unknown")
    far = ask(one, authority, authority.leaf("far.example", stem=tmp_path / "far"))
    assert_problem(far, 403, "credential_address")
    missing = ask(one, authority)
    assert_problem(missing, 401, "credentials_missing")
    assert not missing.has("WWW-Authenticate")
    assert_problem(one.ask(), 401, "credentials_missing")   # the plain listener shows none
    assert len(behind.requests) == 1


def test_both_kinds_can_be_asked_for(guarded, authority, tmp_path):
    one, behind = guarded(auth='{ all = ["machines", "partners"] }')
    response = ask(one, authority, authority.leaf("acme.example", stem=tmp_path / "acme"))
    assert_problem(response, 401, "credentials_missing")
    assert response.all("WWW-Authenticate") == ['ApiKey realm="partners", header="X-Api-Key"']
    assert behind.requests == []


@pytest.mark.threads
def test_a_certificate_ends_on_connections_that_stay(guarded, authority, tmp_path):
    one, _ = guarded(script=opened(lambda socket: socket.receive()), more="""
[route.here]
match = { path = "/here" }
respond = { status = 200 }
auth = ["machines"]
[route.live]
match = { path = "/live", upgrade = "websocket" }
upstream = "main"
auth = ["machines"]
""")
    began = time.time()
    context = authority.client_context(pair=authority.brief_leaf("acme.example", tmp_path / "acme", 2 + SLOW))
    with Client(one.tls, tls=context) as client, WebSocket(one.tls, "/live", tls=context) as socket:
        assert client.ask(target="/here").status == 200
        assert socket.close_code() == (1008, "credential expired")
        wait_until(lambda: client.ask(target="/here").status == 401, "the certificate has ended")
        assert time.time() - began >= 1 + SLOW     # it has whole seconds
        assert_problem(client.ask(target="/here"), 401, "certificate_expired")


class Revocable:
    """A gateway whose clients' certificates a list may revoke: of one consumer, who has several."""

    def __init__(self, start, upstream, authority, folder):
        self.authority, self.folder = authority, folder
        self.pair = authority.leaf("localhost", stem=folder / "own")
        self.behind = upstream(opened(echo))
        self.middle = Authority(folder, "middle", authority)
        self.crl = self.lists("first.crl")
        self.leaves = [authority.leaf("acme.example", stem=folder / name) for name in ("one", "two")]
        cert, key = self.middle.leaf("acme.example", stem=folder / "deep")
        (folder / "chain.crt").write_text(cert.read_text() + self.middle.cert.read_text())
        self.deep = folder / "chain.crt", key
        self.gateway = start(self.config(self.crl))

    def config(self, crl):
        live = "".join(f"""
[route.{name}]
match = {{ path = "/{name}", upgrade = "websocket" }}
upstream = "main"
auth = ["machines"]
websocket = {{ on_expiry = "{on_expiry}" }}
""" for name, on_expiry in (("live", "close"), ("kept", "keep")))
        return settings(server="workers = 2", more=CONSUMERS + live + f"""
[upstream.main]
servers = ["{self.behind.address}"]
[route.here]
match = {{ path = "/here" }}
respond = {{ status = 200 }}
auth = ["machines"]
[listen.secure]
address = "127.0.0.1:@tls@"
tls = "site"
[tls.site]
certificates = [{{ cert = "{self.pair[0]}", key = "{self.pair[1]}" }}]
client_cert = {{ ca = "{self.authority.cert}", crl = "{crl}" }}
""")

    def context(self, leaf, protocol="http/1.1"):
        return self.authority.client_context(pair=leaf, alpn=[protocol])

    def open(self, leaf, path="/live"):
        """gives: a socket of each version"""
        return [kind(self.gateway.tls, path, tls=self.context(leaf, protocol))
                for kind, protocol in ((WebSocket, "http/1.1"), (H2WebSocket, "h2"))]

    def lists(self, name, *revoked):
        """gives: a file with one of each authority, the first with these on it"""
        one, two = self.authority.crl(self.folder / "one.crl", *revoked), self.middle.crl(self.folder / "two.crl")
        (self.folder / "new.crl").write_text(one.read_text() + two.read_text())
        return (self.folder / "new.crl").rename(self.folder / name)

    def revoke(self, way, *certificates):
        """Returns when the list is in force."""
        if way == "another file":
            return self.gateway.reload(self.config(self.lists("second.crl", *certificates)))
        self.lists(self.crl.name, *certificates)
        if way == "a reload":
            return self.gateway.reload()
        return wait_until(lambda: self.gateway.metric("sluice_tls_certificate_reloads_total", tls="tls.site") == 1,
                          "the list is in use")


@pytest.mark.threads
@pytest.mark.parametrize("way", ["the watch", "a reload", "another file"])
def test_a_new_revocation_list_ends_what_a_certificate_has_opened(gateway, upstream, authority, tmp_path, way):
    world = Revocable(gateway, upstream, authority, tmp_path)
    one, two = world.leaves
    gone, staying = world.open(one), [*world.open(two), *world.open(world.deep), *world.open(one, "/kept")]
    clients = [Client(world.gateway.tls, tls=world.context(leaf)) for leaf in world.leaves]
    assert [client.ask(target="/here").status for client in clients] == [200, 200]
    world.revoke(way, one[0])
    began = time.monotonic()
    for socket in gone:
        assert socket.close_code() == (1008, "credential revoked")
    assert time.monotonic() - began < 1 * SLOW
    assert_problem(clients[0].ask(target="/here"), 401, "certificate_revoked")
    assert clients[1].ask(target="/here").status == 200
    with pytest.raises((ssl.SSLError, OSError, Closed)):
        with Client(world.gateway.tls, tls=world.context(one)) as client:
            pytest.fail(f"gave {client.ask(target='/here').status}")
    for socket in [*staying, *world.open(two)]:
        assert socket.send("x").message() == b"x"
    world.gateway.wait_for_metric(2, "sluice_tunnels_ended_total", reason="revoked")


@pytest.mark.threads
def test_so_does_an_authority_between(gateway, upstream, authority, tmp_path):
    world = Revocable(gateway, upstream, authority, tmp_path)
    gone, staying = world.open(world.deep), world.open(world.leaves[0])
    with Client(world.gateway.tls, tls=world.context(world.deep)) as client:
        assert client.ask(target="/here").status == 200
        world.revoke("the watch", world.middle.cert)
        began = time.monotonic()
        for socket in gone:
            assert socket.close_code() == (1008, "credential revoked")
        assert time.monotonic() - began < 1 * SLOW
        assert_problem(client.ask(target="/here"), 401, "certificate_revoked")
    for socket in [*staying, *world.open(world.leaves[0])]:
        assert socket.send("x").message() == b"x"

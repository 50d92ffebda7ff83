"""Client certificates as credentials: whose they are, beside other kinds, and what is not accepted."""
import time

import pytest
from support.client import Client
from support.gateway import settings
from support.problem import assert_problem
from support.timing import SLOW, wait_until
from support.websocket import WebSocket, opened

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

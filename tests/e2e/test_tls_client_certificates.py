"""Clients that must, or may, show a certificate."""
import ssl

import pytest
from support.client import Client
from support.gateway import settings
from support.message import Closed
from support.problem import assert_problem
from support.timing import wait_until

V1_2, V1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
BOTH = pytest.mark.parametrize("version", [V1_2, V1_3])
REFUSED = (ssl.SSLError, OSError, Closed)


@pytest.fixture
def guarded(gateway, upstream, authority, tmp_path):
    def start(mode="require", revoked=()):
        cert, key = authority.leaf("localhost")
        crl = authority.crl(tmp_path / "list.crl", *revoked)
        return gateway(settings(upstream(), more=f"""
[listen.secure]
address = "127.0.0.1:@tls@"
tls = "site"
[tls.site]
certificates = [{{ cert = "{cert}", key = "{key}" }}]
client_cert = {{ ca = "{authority.cert}", crl = "{crl}", mode = "{mode}" }}
"""))
    return start


def status(gateway, authority, version, pair=None):
    context = authority.client_context(version, version, pair=pair)
    with Client(gateway.tls, tls=context) as client:
        return client.ask().status


@BOTH
@pytest.mark.parametrize("mode", ["require", "optional"])
def test_good_ones_pass_and_bad_ones_do_not(guarded, authority, stranger, tmp_path, version, mode):
    good = authority.leaf("good", stem=tmp_path / "good")
    bad = {"revoked": authority.leaf("revoked", stem=tmp_path / "revoked"),
           "expired": authority.leaf("expired", stem=tmp_path / "expired", days=-1),
           "wrong authority": stranger.leaf("good", stem=tmp_path / "wrong")}
    one = guarded(mode, revoked=[bad["revoked"][0]])
    assert status(one, authority, version, good) == 200
    for what, pair in bad.items():
        with pytest.raises(REFUSED):
            pytest.fail(f"{what} gave {status(one, authority, version, pair)}")
    if mode == "optional":
        assert status(one, authority, version) == 200
    else:
        with pytest.raises(REFUSED):
            pytest.fail(f"none gave {status(one, authority, version)}")
    refused = 3 if mode == "optional" else 4
    wait_until(lambda: one.metric("sluice_tls_handshake_failures_total",
                                  reason="client_certificate") == refused, "all are counted")


@BOTH
def test_the_host_must_be_the_one_of_the_handshake(guarded, authority, tmp_path, version):
    one = guarded()
    pair = authority.leaf("good", stem=tmp_path / "good")
    context = authority.client_context(version, version, pair=pair)
    with Client(one.tls, tls=context) as client:
        assert client.ask(host="LOCALHOST:8443").status == 200
        assert_problem(client.ask(host="other.example"), 421, "misdirected")
        assert client.ask(host="localhost").status == 200
    context.check_hostname = False
    with Client(one.tls, tls=context, server_name=None) as client:
        assert client.ask(host="other.example").status == 200


def test_the_client_is_told_why_by_an_alert(guarded, authority):
    one = guarded()
    with pytest.raises(ssl.SSLError, match="handshake failure"):
        status(one, authority, V1_2)
    with pytest.raises((ssl.SSLError, Closed)) as told:
        with Client(one.tls, tls=authority.client_context(V1_3, V1_3)) as client:
            client.socket.recv(1)
    assert "certificate required" in str(told.value).lower()


@BOTH
def test_a_certificate_that_is_revoked_while_running_gets_in_no_more(guarded, authority, tmp_path,
                                                                     version):
    pair = authority.leaf("employee", stem=tmp_path / "employee")
    one = guarded()
    context = authority.client_context(version, version, pair=pair)
    with Client(one.tls, tls=context) as client:
        assert client.ask().status == 200
        session = client.socket.session
    authority.crl(tmp_path / "list.crl", pair[0])
    wait_until(lambda: one.metric("sluice_tls_certificate_reloads_total", tls="tls.site") == 1,
               "the list is in use")
    for ticket in (None, session):   # a session from before does not help
        with pytest.raises(REFUSED):
            with Client(one.tls, tls=context, session=ticket) as client:
                pytest.fail(f"gave {client.ask().status}")

"""TLS towards clients: versions, several certificates by SNI, ALPN."""
import shutil
import ssl
import subprocess

import pytest
from support.client import Client, ask, request
from support.gateway import settings
from support.timing import DEADLINE_SECONDS
from support.upstream import response

V1_2, V1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


def tls_listener(*pairs, listen=""):
    certificates = ", ".join(f'{{ cert = "{cert}", key = "{key}" }}' for cert, key in pairs)
    return f"""
[listen.secure]
address = "127.0.0.1:@tls@"
tls = "site"
{listen}
[tls.site]
certificates = [{certificates}]
"""


@pytest.fixture(scope="module")
def pairs(authority):
    return [authority.leaf("localhost", "127.0.0.1"), authority.leaf("a.example"),
            authority.leaf("*.b.example")]


@pytest.fixture
def secure(gateway, upstream, pairs):
    def start(script=None, listen="", **lines):
        behind = upstream(script)
        return gateway(settings(behind, more=tls_listener(*pairs, listen=listen), **lines)), behind
    return start


@pytest.mark.threads
@pytest.mark.parametrize("version", [V1_2, V1_3])
def test_requests_pass_under_both_versions(secure, authority, version):
    gateway, upstream = secure(lambda connection,
                               received: connection.send(response(body=received.body)))
    with Client(gateway.tls, tls=authority.client_context(version, version)) as client:
        assert client.socket.version() == ("TLSv1.2" if version == V1_2 else "TLSv1.3")
        for size in (0, 1, 20_000, 1_000_000):
            assert client.ask("POST", body=b"x" * size).body == b"x" * size
    assert upstream.last.get("X-Forwarded-Proto") == "https"
    assert "proto=https" in upstream.last.get("Forwarded").lower()


def test_older_versions_are_refused(secure):
    gateway, _ = secure()
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{gateway.tls}", "-tls1_1",
                           "-cipher", "ALL:@SECLEVEL=0"], input=b"", capture_output=True,
                           timeout=DEADLINE_SECONDS)
    assert b"Cipher is (NONE)" in done.stdout or done.returncode != 0


@pytest.mark.parametrize("version", [V1_2, V1_3])
@pytest.mark.parametrize("name, subject", [
    ("localhost", "localhost"), ("a.example", "a.example"), ("A.Example", "a.example"),
    ("x.b.example", "*.b.example"), ("unknown.example", "localhost"), (None, "localhost"),
])
def test_the_certificate_is_chosen_by_name(secure, authority, version, name, subject):
    gateway, _ = secure()
    context = authority.client_context(version, version)
    context.check_hostname = False
    with Client(gateway.tls, tls=context, server_name=name) as client:
        subjects = dict(entry[0] for entry in client.socket.getpeercert()["subject"])
        assert subjects["commonName"] == subject
        assert client.ask().status == 200


@pytest.mark.parametrize("offered, chosen", [
    (["http/1.1"], "http/1.1"), ([], None),
    (["http/1.0", "http/1.1"], "http/1.1"),
])
def test_alpn(secure, authority, offered, chosen):
    gateway, _ = secure()
    with Client(gateway.tls, tls=authority.client_context(alpn=offered)) as client:
        assert client.socket.selected_alpn_protocol() == chosen
        assert client.ask().status == 200


def test_openssl_and_curl_agree(secure, authority):
    gateway, _ = secure()
    asked = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{gateway.tls}", "-servername", "localhost",
         "-quiet",
         "-CAfile", authority.cert, "-verify_return_error", "-ign_eof"],
        input=b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        capture_output=True,
        timeout=DEADLINE_SECONDS)
    assert asked.stdout.endswith(b"hello"), asked.stderr
    curl = subprocess.run(["curl", "-sS", "--cacert", authority.cert, "--max-time", "10",
                           f"https://localhost:{gateway.tls}/", "--resolve",
                           f"localhost:{gateway.tls}:127.0.0.1"],
                          capture_output=True, timeout=DEADLINE_SECONDS * 2)
    assert curl.stdout == b"hello", curl.stderr


def test_plain_http_on_a_tls_port_harms_nobody(secure, authority):
    gateway, upstream = secure()
    with Client(gateway.tls) as client:
        client.send(request())
        data = client.read_to_end_whatever_happens()
        assert not data.startswith(b"HTTP/1.1 200")
    assert ask(gateway.tls, tls=authority.client_context()).status == 200
    assert len(upstream.requests) == 1


def test_a_handshake_that_stalls_is_let_go(secure):
    gateway, _ = secure(listen='timeout = { header = "300ms" }')
    with Client(gateway.tls) as client:
        client.send(b"\x16\x03\x01\x02\x00\x01")
        client.read_to_end_whatever_happens()


def test_garbage_for_a_handshake(secure, authority):
    gateway, _ = secure()
    for data in (b"\x00" * 100, b"\x16\x03\x01\xff\xff" + b"\xff" * 1000,
                 b"\x15\x03\x01\x00\x02\x02\x28"):
        with Client(gateway.tls) as client:
            client.send(data)
            client.half_close()
            client.read_to_end_whatever_happens()
    assert ask(gateway.tls, tls=authority.client_context()).status == 200


def test_pipelining_over_tls(secure, authority):
    gateway, _ = secure(lambda connection,
                        received: connection.send(response(body=received.target.encode())))
    with Client(gateway.tls, tls=authority.client_context()) as client:
        client.send(b"".join(request(target=f"/{number}") for number in range(30)))
        assert [client.response().body for _ in range(30)] == [b"/%d" % number
                                                               for number in range(30)]


def test_the_plain_listener_sends_to_the_secure_one(gateway, upstream, pairs):
    behind = upstream()
    one = gateway(settings(behind, more=tls_listener(*pairs) + """
[listen.upgrade]
address = "127.0.0.1:@upgrade@"
redirect = "listen.secure"
"""))
    answered = ask(one.upgrade, target="/path?q=1", host=f"shop.example:{one.upgrade}")
    assert answered.status == 308
    assert answered.get("Location") == f"https://shop.example:{one.tls}/path?q=1"
    assert behind.requests == []


def test_a_key_that_does_not_match_refuses_to_start(tmp_path, gateway, upstream, authority, pairs):
    cert, key = pairs[0][0], pairs[1][1]
    with pytest.raises(AssertionError, match="does not belong to"):
        gateway(settings(upstream(), more=tls_listener((cert, key))))


def test_certificates_are_found_relative_to_the_file(gateway, upstream, authority, tmp_path, pairs):
    folder = tmp_path / "gateway0"
    folder.mkdir()
    for source, name in zip(pairs[0], ("site.pem", "site.key")):
        shutil.copy(source, folder / name)
    one = gateway(settings(upstream(), more=tls_listener(("site.pem", "site.key"))))
    assert ask(one.tls, tls=authority.client_context()).status == 200


def test_hsts_is_the_default_for_names_only(secure, authority):
    gateway, _ = secure()
    context = authority.client_context()
    context.check_hostname = False
    with Client(gateway.tls, tls=context) as client:
        header = "Strict-Transport-Security"
        assert client.ask(host="shop.example").get(header) == "max-age=86400"
        assert not client.ask(host="localhost").has(header)
        assert not client.ask(host="127.0.0.1").has(header)
    assert not gateway.ask(host="shop.example").has("Strict-Transport-Security")


HSTS = "Strict-Transport-Security"


@pytest.mark.parametrize("hsts, value", [
    ("", "max-age=86400"), ('hsts = { max_age = "0s" }', None), ('hsts = { max_age = "2h" }',
                                                                 "max-age=7200"),
    ("hsts = { subdomains = true }", "max-age=86400; includeSubDomains"),
])
def test_hsts_as_configured(gateway, upstream, authority, pairs, hsts, value):
    own = [("Strict-Transport-Security", "max-age=1")]

    def script(connection, received):
        fields = own if received.target == "/own" else []
        connection.send(response(fields=fields))
    one = gateway(settings(upstream(script), more=tls_listener(*pairs) + hsts))
    with Client(one.tls, tls=authority.client_context()) as client:
        assert client.ask(host="shop.example").get(HSTS) == value
        assert client.ask(host="shop.example", target="/own").get(HSTS) == "max-age=1"
        for local in ("localhost", "app.localhost", "127.0.0.1", "127.0.0.1:8443", "[::1]:8443"):
            assert not client.ask(host=local).has(HSTS), local


def test_hsts_is_on_what_the_gateway_says_itself(secure, authority, gateway):
    one, _ = secure(route="limits = { body = \"1KiB\" }")
    with Client(one.tls, tls=authority.client_context()) as client:
        refused = client.ask("POST", host="shop.example", body=b"x" * 2000)
        assert (refused.status, refused.get(HSTS)) == (413, "max-age=86400")

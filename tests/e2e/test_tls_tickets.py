"""Sessions resume: on any worker, and after certificates were replaced; never past a client
certificate."""
import signal
import ssl
import subprocess

import pytest
from support.client import Client
from support.gateway import settings
from support.timing import DEADLINE_SECONDS, wait_until

V1_2, V1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
BOTH = pytest.mark.parametrize("version", [V1_2, V1_3])


def listeners(authority, pair, clients=""):
    cert, key = pair
    return f"""
[listen.secure]
address = "127.0.0.1:@tls@"
tls = "site"
[listen.closed]
address = "127.0.0.1:@closed@"
tls = "closed"
[tls.site]
certificates = [{{ cert = "{cert}", key = "{key}" }}]
[tls.closed]
certificates = [{{ cert = "{cert}", key = "{key}" }}]
client_cert = {{ ca = "{authority.cert}" {clients} }}
"""


@pytest.fixture
def secure(gateway, upstream, authority, tmp_path):
    pair = authority.leaf("localhost", stem=tmp_path / "site")
    return gateway(settings(upstream(), server="workers = 2", more=listeners(authority, pair)))


def session_of(port, context):
    with Client(port, tls=context) as client:
        assert client.ask().status == 200
        assert not client.socket.session_reused
        return client.socket.session


@BOTH
def test_a_resumed_connection_gives_a_ticket_for_the_next(secure, authority, version):
    """Clients of TLS 1.3 use a ticket once: each connection must bring another."""
    context = authority.client_context(version, version)
    session = session_of(secure.tls, context)
    for _ in range(4):
        with Client(secure.tls, tls=context, session=session) as client:
            assert client.ask().status == 200
            assert client.socket.session_reused
            if version == V1_3:
                assert client.socket.session.id != session.id
            session = client.socket.session


def resumed(port, context, session):
    with Client(port, tls=context, session=session) as client:
        assert client.ask().status == 200
        return client.socket.session_reused


@pytest.mark.threads
@BOTH
def test_a_session_resumes_on_every_worker(secure, authority, version):
    context = authority.client_context(version, version)
    session = session_of(secure.tls, context)
    assert all(resumed(secure.tls, context, session) for _ in range(16))
    counted = "sluice_tls_handshakes_total"
    wait_until(lambda: secure.metric(counted, result="resumed") == 16, "all are counted")
    assert secure.metric(counted, result="full") == 1
    assert secure.metric("sluice_tls_handshake_failures_total") == 0


@BOTH
def test_a_session_resumes_after_its_certificate_was_replaced(secure, authority, version,
                                                               tmp_path):
    context = authority.client_context(version, version)
    session = session_of(secure.tls, context)
    authority.leaf("localhost", stem=tmp_path / "site")
    wait_until(lambda: secure.metric("sluice_tls_certificate_reloads_total", tls="tls.site") == 1,
               "the new certificate is in use")
    assert resumed(secure.tls, context, session)


@pytest.mark.threads
@BOTH
def test_a_session_resumes_after_reloads(secure, authority, version):
    """One that leaves its table alone, and one that changes it."""
    context = authority.client_context(version, version)
    session = session_of(secure.tls, context)
    for change in ("[tls.closed]", 'hsts = { max_age = "2h" }\n[tls.closed]'):
        more = '\n[route.new]\nmatch = { path = "/new" }\nrespond = { status = 204 }\n'
        secure.config.write_text(secure.config_text.replace("[tls.closed]", change) + more)
        logged = secure.error_log().count("reloaded")
        secure.signal(signal.SIGHUP)
        wait_until(lambda: secure.error_log().count("reloaded") > logged, "it is reloaded")
        assert secure.ask(target="/new").status == 204
        assert resumed(secure.tls, context, session)


@BOTH
def test_a_session_does_not_open_a_listener_with_client_certificates(secure, authority, version):
    """CVE-2025-23419."""
    context = authority.client_context(version, version)
    session = session_of(secure.tls, context)
    with pytest.raises((ssl.SSLError, OSError)):
        with Client(secure.closed, tls=context, session=session) as client:
            client.ask()
    context.load_cert_chain(*authority.leaf("a client"))
    assert not resumed(secure.closed, context, session)
    theirs = session_of(secure.closed, context)
    assert resumed(secure.closed, context, theirs)


@BOTH
@pytest.mark.parametrize("table", ["site", "closed"])
def test_without_tickets_no_session_resumes(secure, authority, version, table):
    """Not one from before either, with client certificates or without."""
    context = authority.client_context(version, version)
    context.load_cert_chain(*authority.leaf("a client"))
    port = secure.tls if table == "site" else secure.closed
    before = session_of(port, context)
    assert resumed(port, context, before)
    secure.config.write_text(secure.config_text.replace("certificates", "tickets = false\ncertificates"))
    secure.signal(signal.SIGHUP)
    wait_until(lambda: "reloaded" in secure.error_log(), "it is reloaded")
    assert not resumed(port, context, before)
    with Client(port, tls=context) as client:
        assert client.ask().status == 200
        after = client.socket.session
        assert after is None or not after.has_ticket
    assert after is None or not resumed(port, context, after)


def s_client(port, *arguments):
    """One request by openssl's own client. gives: what it prints"""
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername",
                           "localhost", "-ign_eof", *map(str, arguments)],
                          input=b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                          capture_output=True, timeout=DEADLINE_SECONDS)
    return done.stdout.decode(errors="replace")


@pytest.mark.parametrize("option, name", [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")])
def test_openssl_sees_a_resumed_session(secure, tmp_path, option, name):
    session = tmp_path / "session.pem"
    assert f"New, {name}" in s_client(secure.tls, option, "-sess_out", session)
    assert f"Reused, {name}" in s_client(secure.tls, option, "-sess_in", session)


def test_renegotiation_is_refused(secure):
    """A line of only R makes s_client ask for it."""
    with subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{secure.tls}",
                           "-tls1_2"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT) as client:
        lines = []
        for line in client.stdout:
            lines.append(line)
            if line.startswith(b"    Extended master secret"):
                break
        client.stdin.write(b"R\n")
        client.stdin.flush()
        said, _ = client.communicate(timeout=DEADLINE_SECONDS)
    assert b"RENEGOTIATING" in said
    assert b"no renegotiation" in said, said

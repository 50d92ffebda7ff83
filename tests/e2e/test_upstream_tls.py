"""TLS towards upstreams is verified by default."""
import ssl

import pytest
from support.client import request
from support.gateway import settings
from support.message import Closed
from support.problem import assert_problem
from support.upstream import answer, response

ECHO_SIZE = 300_000


@pytest.fixture
def serving(upstream, authority):
    def start(names=("inner.example",), made_by=None, script=None, **options):
        context = (made_by or authority).server_context(*names)
        for key, value in options.items():
            setattr(context, key, value)
        return upstream(script or answer(), tls=context)
    return start


def inner(authority):
    """The right way to reach what `serving` starts."""
    return f'{{ ca = "{authority.cert}", sni = "inner.example" }}'


def secured(behind, tls):
    return settings(behind, upstream=f"tls = {tls}")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_verified_upstream_serves(gateway, serving, authority, version):
    behind = serving(maximum_version=version,
                     script=lambda connection,
                     received: connection.send(response(body=received.body)))
    one = gateway(secured(behind, inner(authority)))
    with one.client() as client:
        for _ in range(3):
            assert client.ask("POST", body=b"x" * ECHO_SIZE).body == b"x" * ECHO_SIZE
    assert len(behind.connections) == 1


def test_the_name_is_sent_as_sni(gateway, serving, authority):
    seen = []
    behind = serving()
    behind.tls.sni_callback = lambda sock, name, context: seen.append(name)
    assert gateway(secured(behind,
                           inner(authority))).ask().status == 200
    assert seen == ["inner.example"]


def test_without_sni_the_servers_own_name_is_verified(gateway, serving, authority):
    behind = serving(names=("localhost", "127.0.0.1"))
    one = gateway(settings(f"localhost:{behind.port}",
                           upstream=f'tls = {{ ca = "{authority.cert}" }}'))
    assert one.ask().status == 200


@pytest.mark.parametrize("case", ["stranger's certificate", "wrong name", "system roots only"])
def test_an_upstream_that_cannot_be_verified_gets_nothing(gateway, serving, authority, stranger,
                                                          case):
    behind = serving(made_by=stranger if case.startswith("stranger") else None)
    sni = "other.example" if case == "wrong name" else "inner.example"
    ca = "" if case.startswith("system") else f'ca = "{authority.cert}", '
    one = gateway(secured(behind, f'{{ {ca}sni = "{sni}" }}'))
    assert_problem(one.ask(fields=[("Authorization", "secret")]), 502, "upstream_tls")
    assert behind.requests == []


def test_a_plain_upstream_is_no_tls_upstream(gateway, upstream, authority):
    behind = upstream()
    one = gateway(secured(behind, inner(authority)))
    assert_problem(one.ask(), 504, "upstream_connect_timeout")     # it waits for a line that never ends
    assert behind.requests == []


def test_an_end_without_close_notify_is_a_truncation(gateway, serving, authority):
    """A body that ends with its connection must end in the orderly way."""
    def cut(connection, _):
        connection.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\npart of it")
        connection.close()      # shutdown of the socket below TLS: a FIN and no close_notify
    one = gateway(secured(serving(script=cut),
                          inner(authority)))
    with one.client() as client:
        client.send(request())
        with pytest.raises(Closed):
            client.response()

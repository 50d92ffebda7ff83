"""Connections to services that decide: kept between questions, and nobody is refused because one has ended."""
import concurrent.futures
import json
import threading
from urllib.parse import parse_qs

import pytest
from support.gateway import settings
from support.timing import wait_until
from support.upstream import Upstream, response

QUESTIONS = 100


def introspect(then="keep"):
    """Knows tokens that begin with "good"."""
    def script(connection, request):
        token = parse_qs(request.body.decode())["token"][0]
        told = {"active": True, "sub": token} if token.startswith("good") else {"active": False}
        connection.send(response(body=json.dumps(told).encode()))
        if then == "close":
            connection.close()
    return script


def opaque(*lines):
    return "\n".join(["[auth.opaque]", 'type = "introspection"', 'client_id = "gateway"',
                      'client_secret = { secret = "file:@dir@/../secret" }', *lines])


@pytest.fixture
def introspected(gateway, upstream, tmp_path):
    def start(script, server="workers = 1"):
        (tmp_path / "secret").write_text("s3cret\n")
        issuer = upstream(script)
        one = gateway(settings(upstream(), server=server, route='auth = ["opaque"]',
                               more=opaque(f'url = "http://{issuer.address}/introspect"')))
        return one, issuer
    return start


@pytest.fixture
def guarded(gateway, upstream):
    """guarded() gives (gateway, the service) with an authorizer; `lines` are of its section."""
    def start(script=None, tls=None, host="127.0.0.1", lines=(), behind=None):
        service = upstream(script, tls=tls)
        scheme = "https" if tls else "http"
        more = ["[authorizer.permissions]", f'url = "{scheme}://{host}:{service.port}/check"', *lines]
        one = gateway(settings(upstream(behind), route='authorizer = "permissions"', more="\n".join(more)))
        return one, service
    return start


def statuses(one, tokens):
    """Over one connection."""
    with one.client() as client:
        return [client.ask("GET", "/", [("Authorization", f"Bearer {token}")]).status for token in tokens]


def opened(one, service="authorizer.permissions"):
    return one.metric("sluice_service_connections_total", service=service)


def test_a_hundred_tokens_are_asked_about_over_one_connection(introspected):
    one, issuer = introspected(introspect())
    tokens = [f"{'good' if number % 2 else 'bad'}{number}" for number in range(QUESTIONS)]
    assert statuses(one, tokens) == [200 if token.startswith("good") else 401 for token in tokens]
    assert len(issuer.requests) == QUESTIONS and len(issuer.connections) == 1
    one.wait_for_metric(QUESTIONS, "sluice_service_questions_total", service="auth.opaque")
    assert opened(one, "auth.opaque") == 1


@pytest.mark.threads
def test_each_worker_keeps_as_many_as_it_asks_at_a_time(introspected):
    one, issuer = introspected(introspect(), server="workers = 2")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        said = list(pool.map(lambda which: statuses(one, [f"good{which}-{i}" for i in range(20)]), range(8)))
    assert said == [[200] * 20] * 8
    assert len(issuer.requests) == 160 and len(issuer.connections) <= 8
    assert opened(one, "auth.opaque") == len(issuer.connections)


def test_an_issuer_that_closes_after_each_answer_is_asked_all_the_same(introspected):
    one, issuer = introspected(introspect(then="close"))
    assert statuses(one, [f"good{number}" for number in range(QUESTIONS)]) == [200] * QUESTIONS
    assert len(issuer.connections) >= QUESTIONS
    one.wait_for_metric(QUESTIONS, "sluice_service_questions_total", service="auth.opaque", outcome="accepted")
    assert one.metric("sluice_service_questions_total", service="auth.opaque", outcome="failed") == 0


def test_over_tls_there_is_one_handshake_until_the_settings_change(guarded, authority, tmp_path):
    other = tmp_path / "same-authority.pem"
    other.write_bytes(authority.cert.read_bytes())
    one, service = guarded(tls=authority.server_context("localhost"), host="localhost", lines=[f'ca = "{authority.cert}"'])
    with one.client() as client:
        for _ in range(QUESTIONS):
            assert client.ask().status == 200
        assert len(service.connections) == 1 and opened(one) == 1
        assert "unchanged" in one.reload()
        assert client.ask().status == 200
        first = len(service.connections)
        one.reload(one.config_text.replace(str(authority.cert), str(other)))
        wait_until(lambda: not any(each.open for each in service.connections[:first]), "the old ones are closed")
        for _ in range(5):
            assert client.ask().status == 200
        assert len(service.connections) == first + 1
    assert service.failures == [] and len(service.requests) == QUESTIONS + 6


def test_a_service_that_restarts_between_questions_fails_nobody(guarded):
    one, service = guarded()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            assert {answer.status for answer in pool.map(lambda _: one.ask(), range(40))} == {200}
            assert service.requests
            service.stop()
            service = wait_until(lambda port=service.port: again(port), "the port is free again")
    assert one.metric("sluice_service_questions_total", service="authorizer.permissions", outcome="failed") == 0
    service.stop()


def again(port):
    try:
        return Upstream(port=port)
    except OSError:
        return None


def test_what_a_kept_connection_loses_is_asked_once_more(guarded):
    """The service reads a question and closes: as one does whose patience ends while it is on its way."""
    def script(connection, request):
        if len(connection.upstream.requests) % 2 == 0:
            connection.reset()
        else:
            connection.send(response(body=b""))
    one, service = guarded(script)
    with one.client() as client:
        assert [client.ask().status for _ in range(10)] == [200] * 10
    assert len(service.requests) == 19 and len(service.connections) == 10   # all but the first were asked twice


def test_draining_closes_what_is_idle_at_once(guarded):
    def slow(connection, _):
        connection.stall(released)
        connection.send(response())
    released = threading.Event()
    one, service = guarded(behind=slow)
    with one.client() as client, concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(client.ask)
        service.wait_for_requests(1)[0].done.wait(10)
        assert not service.connections[0].ended
        one.signal(15)
        wait_until(lambda: service.connections[0].ended, "the idle connection is closed")
        assert not waiting.done()
        released.set()
        assert waiting.result().status == 200
    assert one.wait() == 0

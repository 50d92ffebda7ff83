"""One line for each request, JSON whatever the client sent."""
import pytest
from support.client import request
from support.gateway import settings
from support.upstream import answer, early


def test_every_request_has_its_line(proxied):
    gateway, _ = proxied(answer(201, b"made"))
    with gateway.client() as client:
        for number in range(25):
            client.ask("POST", f"/thing/{number}", body=b"12345")
    lines = gateway.access_log(25)
    assert len(lines) == 25
    assert [line["path"] for line in lines] == [f"/thing/{number}" for number in range(25)]
    first = lines[0]
    assert (first["method"], first["status"], first["route"], first["upstream"]) == ("POST", 201,
                                                                                     "all", "main")
    assert first["client_ip"] == "127.0.0.1"


@pytest.mark.threads
def test_lines_of_all_workers_are_whole(gateway, upstream):

    one = gateway(settings(upstream(), server="workers = 2"))
    for number in range(60):
        one.ask(target=f"/{number}")
    assert sorted(int(line["path"][1:]) for line in one.access_log(60)) == list(range(60))


def test_refused_and_unrouted_requests_are_logged_too(proxied):
    gateway, _ = proxied()
    with gateway.client() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").response()
    lines = gateway.access_log(1)
    assert lines[0]["status"] == 400 and lines[0]["problem"]


def test_the_query_is_not_logged(proxied):
    gateway, _ = proxied()
    gateway.ask(target="/login?password=hunter2")
    gateway.access_log(1)
    assert "hunter2" not in (gateway.folder / "access.log").read_text()


def test_hostile_bytes_stay_inside_their_string(proxied):
    gateway, _ = proxied()
    agent = 'a"b\\c\t{"x":1}\xff\xfe\xc3\xa9'
    gateway.ask(fields=[("User-Agent", agent)])
    lines = gateway.access_log(1)
    assert len(lines) == 1 and 'a"b\\c' in lines[0]["user_agent"]


def test_an_aborted_request_is_logged(proxied):
    @early
    def stall(connection, _):
        connection.wait_for_end()
    gateway, upstream = proxied(stall)
    client = gateway.client().send(request())
    upstream.wait_for_requests(1)
    client.reset()
    assert len(gateway.access_log(1)) == 1


def test_the_log_is_complete_after_the_end(proxied):
    gateway, _ = proxied()
    with gateway.client() as client:
        for _ in range(100):
            client.ask()
    gateway.stop()
    assert len(gateway.access_log()) == 100

"""100-continue and the other interim responses."""
import pytest
from support.client import request
from support.problem import assert_problem
from support.upstream import answer, early, raw, response


def expecting(size=4, fields=()):
    more = "".join(f"{name}: {value}\r\n" for name, value in fields)
    return (f"POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n"
            f"Expect: 100-continue\r\n{more}\r\n").encode()


@early
def continue_then_answer(connection, received):
    connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    connection.read_body(received)
    connection.send(response(body=received.body))


def test_the_upstreams_100_lets_the_body_come(proxied):
    gateway, upstream = proxied(continue_then_answer)
    with gateway.client() as client:
        client.send(expecting())
        assert client.reader.head().status == 100
        client.send(b"body")
        assert client.response().body == b"body"
    assert upstream.last.get("Expect", "").lower() == "100-continue"


def test_a_body_that_comes_without_waiting_is_taken_too(proxied):
    gateway, _ = proxied(continue_then_answer)
    with gateway.client() as client:
        answered = client.send(expecting() + b"body").response()
        assert (answered.status, answered.body) == (200, b"body")


@pytest.mark.parametrize("status", [401, 403, 413, 417])
def test_a_final_answer_instead_of_100_is_passed_on_and_no_body_is_asked_for(proxied, status):
    @early
    def refuse(connection, received):
        connection.send(response(status, b"no", [("Connection", "close")]))
        connection.close()

    gateway, _ = proxied(refuse)
    with gateway.client() as client:
        answered = client.send(expecting()).response()
        assert (answered.status, answered.body, answered.informational) == (status, b"no", [])


def test_an_upstream_that_answers_without_100_gets_no_stray_body(proxied):
    """The body that was never asked for may not be taken for the next request."""
    @early
    def refuse_but_keep(connection, received):
        connection.send(response(403, b"no"))
        connection.body_read = True

    gateway, upstream = proxied(refuse_but_keep)
    with gateway.client() as client:
        assert client.send(expecting(40)).response().status == 403
    upstream.script = answer()
    for _ in range(3):
        assert gateway.ask().status == 200
    assert [one.target for one in upstream.requests] == ["/up", "/", "/", "/"]


def test_any_other_expectation_is_417(proxied):
    gateway, upstream = proxied()
    assert_problem(gateway.ask("POST", fields=[("Expect", "200-ok")], body=b"x"), 417)
    assert upstream.requests == []


def test_expect_of_an_http_1_0_client_is_ignored(proxied):
    gateway, _ = proxied()
    with gateway.client() as client:
        client.send(b"POST / HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi")
        answered = client.response()
        assert (answered.status, answered.informational) == (200, [])


def test_early_hints_pass_before_the_response(proxied):
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
    gateway, _ = proxied(raw(hints + hints + response(body=b"page")))
    with gateway.client() as client:
        answered = client.ask()
        assert answered.body == b"page"
        assert [one.status for one in answered.informational] == [103, 103]
        assert answered.informational[0].get("Link") == "</a.css>; rel=preload"
        assert client.ask().body == b"page"


def test_interim_responses_do_not_reach_http_1_0_clients(proxied):
    gateway, _ = proxied(raw(b"HTTP/1.1 103 Early Hints\r\n\r\n" + response(body=b"page")))
    with gateway.client() as client:
        answered = client.send(b"GET / HTTP/1.0\r\nHost: a\r\n\r\n").response()
        assert (answered.body, answered.informational) == (b"page", [])


def test_an_unasked_100_does_no_harm(proxied):
    gateway, _ = proxied(raw(b"HTTP/1.1 100 Continue\r\n\r\n" + response(body=b"page")))
    with gateway.client() as client:
        assert client.send(request()).response().body == b"page"
        assert client.send(request()).response().body == b"page"


def test_an_unasked_101_is_a_bad_upstream(proxied):
    gateway, _ = proxied(raw(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nraw"))
    assert_problem(gateway.ask(), 502)


def test_endless_interim_responses_end(proxied):
    @early
    def flood(connection, received):
        while connection.open and not connection.upstream.over.is_set():
            connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" * 100)

    gateway, upstream = proxied(flood, upstream='timeout = { response = "1s" }')
    with gateway.client() as client:
        client.send(request(fields=[("Connection", "close")]))
        data = client.read_to_end()
        assert b"HTTP/1.1 502 " in data or b"HTTP/1.1 504 " in data
    upstream.connections[0].wait_for_end()

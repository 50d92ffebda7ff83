"""A service that decides: what it is asked, what becomes of its answers, what happens while it is away."""
import threading

import pytest
from support.gateway import run_command, settings
from support.problem import assert_problem
from support.timing import wait_until
from support.upstream import answer


class Decider:
    """A script for an upstream: lets pass who has the cookie, and can be slow or broken."""

    def __init__(self):
        self.asked = []
        self.status = 200
        self.open = threading.Event()
        self.open.set()

    def __call__(self, connection, request):
        self.asked.append(request)
        self.open.wait(20)
        cookie = request.get("Cookie")
        if self.status != 200:
            told = answer(status=self.status)
        elif cookie == "user=alice":
            told = answer(fields=[("X-User", "alice"), ("X-Role", "a"), ("X-Role", "b"), ("X-Inner", "no")])
        elif cookie:
            told = answer(status=403, body=b"go away")
        else:
            told = answer(status=401, fields=[("WWW-Authenticate", 'Bearer realm="inner"'), ("X-User", "nobody")])
        told(connection, request)


@pytest.fixture
def guarded(gateway, upstream):
    def start(*lines, top='trusted_proxies = ["127.0.0.1"]'):
        behind, decider = upstream(), Decider()
        address = upstream(decider).address
        one = gateway(settings(behind, top=top, route='authorizer = "permissions"', more="\n".join([
            "[authorizer.permissions]", f'url = "http://{address}/check?a=1"', 'copy = ["X-User", "X-Role"]', *lines])))
        return one, behind, decider
    return start


def ask(one, *fields, target="/a/b?c=d", cookie="user=alice"):
    return one.ask("POST", target, [*fields, *([("Cookie", cookie)] if cookie else [])], b"body")


def test_it_hears_what_is_asked_and_the_upstream_what_it_says(guarded):
    one, behind, decider = guarded('set = { X-Route = "{route}" }')
    spoofed = [("X-User", "root"), ("x_role", "root"), ("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Method", "GET")]
    assert ask(one, *spoofed).status == 200
    question, request = decider.asked[-1], behind.requests[-1]
    assert question.start == "GET /check?a=1 HTTP/1.1" and question.body == b""
    for name, value in (("Method", "POST"), ("Proto", "http"), ("Uri", "/a/b?c=d"), ("For", "203.0.113.9")):
        assert question.all(f"X-Forwarded-{name}") == [value]
    assert question.all("X-Forwarded-Host") == ["localhost"] and question.all("X-Route") == ["all"]
    assert question.all("Cookie") == ["user=alice"] and not question.has("X-User")
    assert request.all("X-User") == ["alice"] and request.all("X-Role") == ["a", "b"]
    assert not request.has("x_role") and not request.has("X-Inner")
    assert request.all("Cookie") == ["user=alice"] and request.body == b"body"
    assert ask(one).status == 200 and len(decider.asked) == 2   # nothing is remembered


def test_its_refusals_are_the_clients_answer(guarded):
    one, behind, decider = guarded()
    response = one.ask("GET", "/")
    assert_problem(response, 401, "authorizer_unauthorized")
    assert response.all("WWW-Authenticate") == ['Bearer realm="inner"'] and not response.has("X-User")
    response = one.ask("GET", "/", [("Cookie", "user=eve")])
    assert_problem(response, 403, "authorizer_forbidden")
    assert not response.has("WWW-Authenticate")
    assert behind.requests == [] and len(decider.asked) == 2


def test_while_it_is_away_nothing_passes(guarded):
    one, behind, decider = guarded('timeout = "300ms"')
    for status in (302, 404, 500):
        decider.status = status
        assert_problem(ask(one), 503, "authorizer_unavailable")
    decider.open.clear()
    assert_problem(ask(one), 503, "authorizer_unavailable")
    assert behind.requests == []
    decider.open.set()
    decider.status = 200
    assert ask(one).status == 200
    one.wait_for_error_line("authorizer gave no answer")
    for outcome, count in (("failed", 4), ("accepted", 1), ("refused", 0), ("unasked", 0)):
        one.wait_for_metric(count, "sluice_service_questions_total", service="authorizer.permissions", outcome=outcome)
    one.wait_for_metric(5, "sluice_service_question_seconds_count", service="authorizer.permissions")


def test_it_may_be_left_out_while_it_is_away(guarded):
    one, behind, decider = guarded('on_down = "open"')
    decider.status = 500
    assert ask(one, ("X-User", "root"), ("X_Role", "root")).status == 200
    assert not behind.requests[-1].has("X-User") and not behind.requests[-1].has("X_Role")
    decider.status = 200
    assert_problem(ask(one, cookie="user=eve"), 403, "authorizer_forbidden")


@pytest.mark.threads
def test_an_answer_serves_those_who_agree_in_the_key(guarded):
    one, behind, decider = guarded('cache_for = "1m"', 'cache_key = ["header.Cookie", "method"]')
    for target in ("/a", "/b"):
        assert ask(one, target=target).status == 200
        assert behind.requests[-1].all("X-User") == ["alice"]
        assert ask(one, target=target, cookie="user=eve").status == 403
    assert len(decider.asked) == 2
    assert one.ask("GET", "/a", [("Cookie", "user=alice")]).status == 200 and len(decider.asked) == 3
    decider.open.clear()
    threads = [threading.Thread(target=ask, args=(one,), kwargs={"cookie": "user=bob"}) for _ in range(8)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(decider.asked) == 4, "the question")
    decider.open.set()
    for thread in threads:
        thread.join()
    assert len(decider.asked) == 4


def test_explain_says_that_a_request_waits_for_it(guarded):
    one, _, decider = guarded()
    said = run_command("explain", "-c", one.config, "GET", "/a", binary=one.binary)
    assert "authorizer: permissions at http://127.0.0.1:" in said.stdout
    assert "a policy waits for its answer" in said.stdout and decider.asked == []

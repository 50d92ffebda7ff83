"""Introspected tokens: what the issuer is asked, what is remembered, and what happens while it is away."""
import concurrent.futures
import json
import threading
import time
from urllib.parse import parse_qs

import pytest
from support.gateway import settings
from support.problem import assert_problem
from support.timing import wait_until
from support.upstream import answer

ROUTE = """
auth = ["opaque"]
[route.all.headers.request]
set = { X-Subject = "{identity}", X-Client = "{claim.client_id}" }
"""


class Introspector:
    """A script for an upstream: knows some tokens, and can be slow, silent or broken."""

    def __init__(self):
        self.tokens = {"good": {"active": True, "sub": "alice", "client_id": "app"}}
        self.asked = []
        self.status = 200
        self.open = threading.Event()
        self.open.set()

    def __call__(self, connection, request):
        form = parse_qs(request.body.decode())
        self.asked.append((form["token"][0], request.get("Authorization")))
        self.open.wait(20)
        told = self.tokens.get(form["token"][0], {"active": False})
        answer(status=self.status, body=json.dumps(told).encode())(connection, request)


@pytest.fixture
def asked(gateway, upstream, tmp_path):
    def start(*lines, server="workers = 1"):
        behind, issuer = upstream(), Introspector()
        issuer.address = upstream(issuer).address
        (tmp_path / "secret").write_text("s3cret\n")
        more = "\n".join(["[auth.opaque]", 'type = "introspection"', f'url = "http://{issuer.address}/introspect"',
                          'client_id = "gateway"', f'client_secret = {{ secret = "file:{tmp_path}/secret" }}', *lines])
        one = gateway(settings(behind, server=server, route=ROUTE, more=more))
        return one, behind, issuer
    return start


def ask(one, token, *fields):
    return one.ask("GET", "/", [("Authorization", f"Bearer {token}"), *fields])


def test_the_issuer_says_who_it_is_and_is_asked_once(asked, tmp_path):
    one, behind, issuer = asked()
    for _ in range(3):
        assert ask(one, "good", ("X-Subject", "root"), ("X_Client", "root")).status == 200
        request = behind.requests[-1]
        assert request.all("X-Subject") == ["alice"] and request.all("X-Client") == ["app"]
        assert not request.has("Authorization") and not request.has("X_Client")
    assert issuer.asked == [("good", "Basic Z2F0ZXdheTpzM2NyZXQ=")]
    response = ask(one, "bad")
    problem = assert_problem(response, 401, "token_inactive")
    assert response.all("WWW-Authenticate") == [
        f'Bearer realm="opaque", error="invalid_token", error_description="{problem["detail"]}"']
    assert_problem(one.ask("GET", "/"), 401, "credentials_missing")
    assert len(issuer.asked) == 2 and len(behind.requests) == 3
    (tmp_path / "secret").write_text("changed\n")
    assert "unchanged" in one.reload()
    assert ask(one, "other").status == 401
    assert issuer.asked[-1] == ("other", "Basic Z2F0ZXdheTpjaGFuZ2Vk")
    for outcome, count in (("accepted", 1), ("refused", 2), ("failed", 0)):
        one.wait_for_metric(count, "sluice_service_questions_total", service="auth.opaque", outcome=outcome)
    written = one.error_log() + (one.folder / "access.log").read_text()
    assert "s3cret" not in written and "Z2F0" not in written and "good" not in written


@pytest.mark.threads
def test_many_who_come_at_once_cause_one_question_on_each_worker(asked):
    one, _, issuer = asked(server="workers = 2")
    issuer.open.clear()
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        waiting = [pool.submit(ask, one, "good") for _ in range(16)]
        wait_until(lambda: issuer.asked, "the question")
        time.sleep(0.2)
        assert len(issuer.asked) <= 2 and not any(one.done() for one in waiting)
        issuer.open.set()
        assert {each.result().status for each in waiting} == {200}
    assert len(issuer.asked) <= 2


def test_while_the_issuer_is_away_what_it_has_not_vouched_for_is_refused(asked):
    one, behind, issuer = asked('timeout = "300ms"')
    issuer.status = 500
    assert_problem(ask(one, "good"), 503, "introspection_unavailable")
    issuer.open.clear()
    assert_problem(ask(one, "other"), 503, "introspection_unavailable")   # silent
    assert behind.requests == []
    assert one.metric("sluice_problems_total", code="introspection_unavailable") == 2
    issuer.open.set()
    issuer.status = 200
    wait_until(lambda: ask(one, "good").status == 200, "the issuer is back")   # a second later


def test_a_token_of_either_kind_is_not_called_bad_while_its_issuer_is_away(asked, tmp_path):
    (tmp_path / "tokens").write_text("x" * 32)
    one, _, issuer = asked(f"""
[auth.customers]
type = "jwt"
issuer = "https://id.example"
audience = "orders"
secret = {{ secret = "file:{tmp_path}/tokens" }}
[limit.guessing]
key = "ip"
rate = "1/1h"
count = "failures"
[route.both]
match = {{ path = "/both" }}
upstream = "main"
auth = ["customers", "opaque"]
limit = ["guessing"]
""")
    issuer.status = 500
    for _ in range(3):   # no guesses
        assert_problem(one.ask("GET", "/both", [("Authorization", "Bearer good")]), 503, "introspection_unavailable")
    issuer.status = 200
    wait_until(lambda: one.ask("GET", "/both", [("Authorization", "Bearer good")]).status == 200, "the issuer is back")
    assert_problem(one.ask("GET", "/both", [("Authorization", "Bearer bad")]), 401, "token_inactive")   # not: malformed
    assert_problem(one.ask("GET", "/both", [("Authorization", "Bearer worse")]), 429, "rate_limited")


def test_what_was_good_may_stay_so_for_as_long_as_nobody_can_be_asked(asked):
    one, _, issuer = asked('on_provider_down = "stale"', 'cache_for = "1s"')
    assert ask(one, "good").status == 200
    issuer.status = 500
    wait_until(lambda: (ask(one, "good").status, len(issuer.asked) > 1) == (200, True), "another question")
    assert ask(one, "good").status == 200
    assert_problem(ask(one, "other"), 503, "introspection_unavailable")

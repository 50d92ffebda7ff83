"""A route's `allow`: who is known and still may not, rules that are enough, shadow mode."""
import json

import pytest
from support.gateway import run_command, settings
from support.problem import assert_problem
from support.timing import wait_until
from test_api_keys import sha256

CONSUMERS = f"""
[auth.partners]
type = "api_key"
[consumer.acme]
keys = [{{ id = "k1", sha256 = "{sha256("acme")}" }}]
scopes = ["orders:read"]
groups = ["partners"]
claims = {{ tenant = "gold" }}
[consumer.root]
keys = [{{ id = "k1", sha256 = "{sha256("root")}" }}]
roles = ["support"]
[route.own]
match = {{ path = "/users/{{user_id}}/orders" }}
upstream = "main"
auth = ["partners"]
allow = [
  {{ name = "staff", roles = ["support"] }},
  {{ scopes = ["orders:read"], claims = {{ tenant = ["gold", "silver"] }}, path = {{ user_id = "claim.sub" }}, methods = ["GET"] }},
]
"""

ROUTE = """
auth = ["partners"]
allow = { name = "friends", groups = ["partners"], ips = ["127.0.0.0/8"] }
"""
SHADOWED = """
[route.tried]
match = { path = "/tried" }
upstream = "main"
auth = ["partners"]
allow = { shadow = true, any = [{ groups = ["partners"] }] }
[log.audit]
file = "@dir@/audit.log"
"""


@pytest.fixture(scope="module")
def guarded(shared_gateway, shared_upstream):
    behind = shared_upstream()
    return shared_gateway(settings(behind, route=ROUTE, more=CONSUMERS + SHADOWED)), behind


def ask(one, target, key, method="GET", more=()):
    return one.ask(method, target, [("X-Api-Key", key), *more])


def test_whoever_may_not_is_told_so_and_no_more(guarded):
    one, behind = guarded
    before = len(behind.requests)
    assert ask(one, "/a", "acme").status == 200
    problem = assert_problem(ask(one, "/a", "root"), 403, "not_allowed")
    assert problem["rule"] == "friends" and "partners" not in str(problem)
    assert "rule" not in assert_problem(ask(one, "/a", "nobody"), 401, "api_key_unknown")
    assert len(behind.requests) == before + 1


def test_one_rule_of_a_list_is_enough(guarded):
    one, behind = guarded
    before = len(behind.requests)
    assert ask(one, "/users/acme/orders", "acme").status == 200
    assert ask(one, "/users/acme/orders", "acme", "HEAD").status == 200
    assert ask(one, "/users/%61cme/orders", "acme").status == 200
    for target, method in [("/users/root/orders", "GET"), ("/users/acme/orders", "PUT"), ("/users/acm/orders", "GET"),
                           ("/users/acme%20/orders", "GET"), ("/users/acme/../root/orders", "GET")]:
        assert assert_problem(ask(one, target, "acme", method), 403, "not_allowed")["rule"] == "allow"
    assert ask(one, "/users/acme/orders", "root", "PUT").status == 200
    assert len(behind.requests) == before + 4


def test_shadow_mode_lets_pass_and_tells(guarded):
    one, _ = guarded
    assert ask(one, "/tried", "acme").status == 200
    assert ask(one, "/tried", "root").status == 200
    one.wait_for_metric(1, "sluice_shadow_refusals_total", route="tried")
    one.wait_for_error_line("allow in shadow mode would have refused route=tried ")


def test_explain_lists_the_rules_and_names_the_one_that_decides(guarded):
    one, _ = guarded
    rules = ("allow: staff (role support); or allow.2 (scope orders:read, claim.tenant gold|silver, method GET, "
             "path.user_id claim.sub)")
    for key, user, decided in [("acme", "acme", "allow.2"), ("root", "acme", "staff"), ("acme", "root", "allow")]:
        said = run_command("explain", "-c", one.config, "GET", f"/users/{user}/orders", "-H", f"X-Api-Key: {key}").stdout
        assert rules in said and f"\ndecided by: {decided}\n" in said, said
    said = run_command("explain", "-c", one.config, "GET", "/a", "-H", "X-Api-Key: root").stdout
    assert "decided by: friends" in said and '"rule":"friends"' in said


def test_the_audit_log_names_the_rule_that_decided(guarded):
    one, _ = guarded
    log = one.folder / "audit.log"
    for key, target, decision, rule in [("acme", "/users/acme/orders", "allowed", "allow.2"), ("root", "/users/a/orders", "allowed", "staff"),
                                        ("acme", "/users/root/orders", "denied", "allow"), ("root", "/a", "denied", "friends"),
                                        ("root", "/tried", "allowed", "allow.1 (shadow)")]:
        request_id = ask(one, target, key).get("X-Request-Id")
        line = wait_until(lambda: next((x for x in log.read_text().splitlines() if request_id in x), None), "its record")
        record = json.loads(line)
        assert (record["decision"], record["rule"], record["consumer"]) == (decision, rule, key), record

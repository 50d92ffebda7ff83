"""Address lists on routes and listeners: who is let in, lists in files that are read again, PROXY and trusted proxies."""
import json
import os
import time

import pytest
from support.client import Client, request
from support.gateway import run_command, settings
from support.message import Closed
from support.problem import assert_problem
from support.timing import SLOW, wait_until

LISTS = """
[ip_list.office]
addresses = ["203.0.113.0/24", "2001:db8::/32"]
[route.office]
match = { path = "/office" }
upstream = "main"
allow_ips = ["office", "127.0.0.9"]
deny_ips = ["203.0.113.66"]
[route.blocked]
match = { path = "/blocked" }
upstream = "main"
deny_ips = "blocked"
[ip_list.blocked]
file = "@dir@/blocked.txt"
"""
TRUSTED = 'trusted_proxies = ["127.0.0.1"]'
LISTENERS = """
[listen.few]
address = "127.0.0.1:@few@"
deny_ips = ["127.0.0.3", "blocked"]
[log.audit]
file = "@dir@/audit.log"
[listen.proxied]
address = "127.0.0.1:@proxied@"
proxy_protocol = true
allow_ips = ["office"]
"""


@pytest.fixture(scope="module")
def listed(shared_gateway, shared_upstream, tmp_path_factory):
    """127.0.0.1 is a trusted proxy, every other address of loopback a client."""
    behind = shared_upstream()
    blocked = tmp_path_factory.mktemp("lists") / "blocked.txt"
    blocked.write_text("# nobody yet\n")
    text = settings(behind, top=TRUSTED, server="workers = 2", more=LISTS + LISTENERS).replace("@dir@/blocked.txt", str(blocked))
    return shared_gateway(text), behind, blocked


def ask_from(one, address, target):
    """As a client of that address, by way of the trusted proxy."""
    return one.ask("GET", target, [("X-Forwarded-For", address)])


@pytest.mark.parametrize("address, allowed", [
    ("203.0.113.7", True), ("2001:db8::7", True), ("::ffff:203.0.113.7", True), ("127.0.0.9", True),
    ("203.0.113.66", False), ("::ffff:203.0.113.66", False), ("198.51.100.1", False), ("2001:db9::1", False),
])
def test_a_route_judges_the_client_that_trusted_proxies_name(listed, address, allowed):
    one, behind, _ = listed
    before = len(behind.requests)
    response = ask_from(one, address, "/office")
    if allowed:
        assert response.status == 200
    else:
        assert "rule" not in assert_problem(response, 403, "address_denied")
    assert len(behind.requests) == before + allowed


def test_nobody_else_is_believed(listed):
    one, _, _ = listed
    said = [("X-Forwarded-For", "203.0.113.7"), ("Forwarded", "for=203.0.113.7")]
    with one.client(source="127.0.0.2") as client:
        assert_problem(client.ask("GET", "/office", said), 403, "address_denied")
    with one.client(source="127.0.0.9") as client:
        assert client.ask("GET", "/office").status == 200


def answers(port, source, before=b""):
    """gives: the status, or None when the connection ends without an answer"""
    try:
        with Client(port, source=source) as client:
            return client.send(before + request()).response().status
    except (Closed, ConnectionError):
        return None


def test_a_listener_closes_before_a_byte_is_read(listed):
    one, behind, _ = listed
    before, refused = len(behind.requests), one.metric("sluice_connections_refused_total", listener="few", reason="ips")
    assert answers(one.few, "127.0.0.2") == 200
    assert answers(one.few, "127.0.0.3") is None
    assert answers(one.port, "127.0.0.3") == 200   # another listener
    assert len(behind.requests) == before + 2
    one.wait_for_metric(refused + 1, "sluice_connections_refused_total", listener="few", reason="ips")
    one.wait_for_error_line("connections refused listener=few limit=ips")


def test_a_listener_judges_the_address_of_the_proxy_header(listed):
    one, _, _ = listed
    proxy, office = "127.0.0.1", b"PROXY TCP4 203.0.113.7 10.0.0.1 40000 443\r\n"
    assert answers(one.proxied, proxy, office) == 200
    assert answers(one.proxied, proxy, b"PROXY TCP6 2001:db8::7 ::1 40000 443\r\n") == 200
    assert answers(one.proxied, proxy, b"PROXY TCP4 198.51.100.1 10.0.0.1 40000 443\r\n") is None
    assert answers(one.proxied, "127.0.0.2", office) is None   # no trusted proxy: its own address counts


@pytest.mark.threads
def test_a_list_is_read_again_alone_when_its_file_changes(listed):
    one, _, blocked = listed
    client = "198.51.100.1"

    def statuses():
        return {ask_from(one, client, "/blocked").status for _ in range(8)}
    assert statuses() == {200} and answers(one.few, "127.0.0.4") == 200
    fresh = blocked.with_suffix(".new")
    fresh.write_text("198.51.100.0/24   # a customer of ours\n127.0.0.4\n")
    os.replace(fresh, blocked)
    changed = time.monotonic()
    wait_until(lambda: statuses() == {403}, "the list is in force on both workers")
    assert time.monotonic() - changed < 2 * SLOW
    assert answers(one.few, "127.0.0.4") is None
    blocked.write_text("198.51.100.0/24\nnonsense\n")
    one.wait_for_error_line("files refused: what is in use stays of=ip_list.blocked .*line 2: ")
    assert statuses() == {403}
    blocked.write_text("")
    wait_until(lambda: statuses() == {200}, "the empty list is in force")
    assert answers(one.few, "127.0.0.4") == 200
    assert "configuration" not in one.error_log().split("files read")[-1]   # without a reload


def test_the_audit_log_names_the_list_that_decided(listed):
    one, _, _ = listed
    log = one.folder / "audit.log"
    for address, rule in [("203.0.113.66", "deny_ips"), ("198.51.100.1", "allow_ips")]:
        request_id = ask_from(one, address, "/office").get("X-Request-Id")
        line = wait_until(lambda: next((x for x in log.read_text().splitlines() if request_id in x), None), "its record")
        record = json.loads(line)
        assert (record["decision"], record["rule"], record["client_ip"]) == ("denied", rule, address), record


def test_explain_shows_lists_and_what_they_decide(listed):
    one, _, _ = listed
    said = run_command("explain", "-c", one.config, "GET", "/office", "--from", "198.51.100.1").stdout
    assert "1. ips: deny 203.0.113.66/32; allow office, 127.0.0.9/32" in said and "decided by: allow_ips" in said, said
    done = run_command("explain", "-c", one.config, "--listen", "few", "GET", "/", "--from", "127.0.0.3")
    assert done.returncode == 1 and "the listener closes the connection at once: deny_ips" in done.stdout, done.stdout

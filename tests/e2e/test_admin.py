"""The admin listener: health, readiness, metrics, and nothing else."""
import json
import re
import signal
import ssl
import subprocess
import time
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families
from support.client import Client, ask
from support.gateway import settings
from support.ports import free_port
from support.problem import assert_problem
from support.timing import SLOW, wait_until


def test_health_and_readiness(proxied):
    gateway, _ = proxied()
    assert ask(gateway.admin, target="/healthz").status == 200
    assert ask(gateway.admin, target="/readyz").status == 200


def test_nothing_else_is_there(proxied):
    gateway, upstream = proxied()
    assert ask(gateway.admin, target="/").status == 404
    assert ask(gateway.admin, target="/../etc/passwd").status == 400
    assert ask(gateway.admin, "POST", "/metrics").status == 405
    assert upstream.requests == []


def test_admin_paths_are_not_served_on_other_listeners(proxied):
    gateway, upstream = proxied()
    gateway.ask(target="/metrics")
    assert upstream.last.target == "/metrics"


def test_metrics_are_well_formed(proxied):
    gateway, _ = proxied()
    gateway.ask()
    answered = ask(gateway.admin, target="/metrics")
    assert answered.get("Content-Type").startswith("text/plain; version=0.0.4")
    families = {family.name: family
                for family in text_string_to_metric_families(answered.body.decode())}
    assert {"sluice_http_requests", "sluice_http_request_duration_seconds",
            "sluice_upstream_requests",
            "sluice_connections", "sluice_build_info"} <= set(families)
    for family in families.values():
        assert family.documentation and family.type != "unknown", family.name


@pytest.mark.threads
def test_requests_are_counted_whatever_the_worker(gateway, upstream):
    behind = upstream()
    one = gateway(settings(behind, server="workers = 2"))
    for _ in range(30):
        one.ask("POST", body=b"12345")
    one.wait_for_metric(30, "sluice_http_requests_total", route="all")
    one.wait_for_metric(30, "sluice_upstream_requests_total", upstream="main")
    one.wait_for_metric(30, "sluice_http_request_duration_seconds_count", route="all")
    assert one.metric("sluice_http_request_bytes_total", route="all") >= 150
    assert one.metric("sluice_http_response_bytes_total", route="all") >= 150


def test_connections_beyond_the_limit_of_the_admin_listener_are_told_so(proxied):
    gateway, _ = proxied()
    held = [Client(gateway.admin) for _ in range(100)]

    def told():
        with Client(gateway.admin) as client:
            answered = client.ask(target="/healthz")
            return answered.status == 503 and answered
    answered = wait_until(told, "a connection is refused")
    assert answered.json()["code"] == "overloaded"
    assert (answered.get("Retry-After"), answered.get("Connection")) == ("5", "close")
    assert gateway.reload().startswith("unchanged"), "the control socket has connections of its own"
    assert gateway.ask().status == 200
    for one in held:
        one.socket.close()
    wait_until(lambda: ask(gateway.admin, target="/healthz").status == 200, "there is room again")


def test_refused_requests_are_counted_by_their_code(proxied):
    gateway, _ = proxied()
    with gateway.client() as client:
        client.send(b"GET / HTTP/3.3\r\n\r\n").response()
    wait_until(lambda: gateway.metric("sluice_problems_total", code="unsupported_version") == 1,
               "one refusal")


def test_open_connections_are_a_gauge(proxied):
    gateway, _ = proxied()
    clients = [gateway.client() for _ in range(5)]
    for client in clients:
        client.ask()
    assert gateway.metric("sluice_connections", listener="plain") == 5
    for client in clients:
        client.socket.close()
    wait_until(lambda: gateway.metric("sluice_connections", listener="plain") == 0, "all closed")


def test_hostile_paths_and_hosts_never_become_labels(proxied):
    gateway, _ = proxied()
    for number in range(20):
        gateway.ask(target=f"/unique-{number}", host=f"host-{number}.example")
    text = ask(gateway.admin, target="/metrics").body
    assert b"unique-" not in text and b"host-" not in text


def test_readiness_fails_first(proxied):
    gateway, _ = proxied(server='drain_delay = "3s"')
    gateway.signal(signal.SIGTERM)
    wait_until(lambda: ask(gateway.admin, target="/readyz").status == 503, "not ready")
    assert gateway.ask().status == 200      # still serving while the load balancer notices
    assert ask(gateway.admin, target="/healthz").status == 200


@pytest.mark.parametrize("method, path, status, code", [
    ("GET", "/nothing", 404, "no_route"), ("POST", "/metrics", 405, "method_not_allowed"),
    ("BREW", "/metrics", 501, "unknown_method")])
def test_refusals_have_the_form_of_every_problem(proxied, method, path, status, code):
    gateway, _ = proxied()
    answered = ask(gateway.admin, method, path)
    assert answered.status == status
    assert answered.get("Content-Type") == "application/problem+json"
    assert json.loads(answered.body)["code"] == code


OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def test_openmetrics_is_given_to_who_asks_for_it(proxied):
    gateway, _ = proxied()
    gateway.ask()
    prometheus = ("application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;"
                  "version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2")
    answered = ask(gateway.admin, target="/metrics", fields=[("Accept", prometheus)])
    assert answered.get("Content-Type") == OPENMETRICS
    text = answered.body.decode()
    assert text.endswith("# EOF\n")
    families = {family.name: family for family in openmetrics_families(text)}
    assert families["sluice_http_requests"].type == "counter"
    assert families["sluice_build"].type == "info"
    assert families["sluice_http_request_duration_seconds"].unit == "seconds"
    assert families["sluice_config_last_reload_success"].samples[0].value == 1
    assert abs(families["sluice_config_last_reload_timestamp_seconds"].samples[0].value - time.time()) < 600
    # The same series in both formats.
    plain = ask(gateway.admin, target="/metrics").body.decode()
    names = [{(sample.name, tuple(sorted(sample.labels.items()))) for family in parsed for sample in family.samples}
             for parsed in (openmetrics_families(text), text_string_to_metric_families(plain))]
    assert names[0] == names[1]


def test_pool_reuse_and_requests_in_flight_are_seen(proxied):
    gateway, _ = proxied()
    with gateway.client() as client:
        for _ in range(5):
            client.ask()
    name = "sluice_upstream_streams_total"
    gateway.wait_for_metric(1, name, upstream="main", connection="new")
    gateway.wait_for_metric(4, name, upstream="main", connection="reused")
    gateway.wait_for_metric(0, "sluice_upstream_requests_in_flight", upstream="main")


def test_tls_handshakes_are_counted_by_version_and_failure(gateway, upstream, authority):
    cert, key = authority.leaf("localhost")
    one = gateway(settings(upstream(), more=f"""
[tls.site]
certificates = [{{ cert = "{cert}", key = "{key}" }}]
[listen.secure]
address = "127.0.0.1:@secure@"
tls = "site"
"""))
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        assert ask(one.secure, tls=authority.client_context(version, version)).status == 200
    with Client(one.secure) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").read_to_end_whatever_happens()
    name = "sluice_tls_handshakes_total"
    for version in ("TLSv1.2", "TLSv1.3"):
        wait_until(lambda: one.metric(name, version=version) == 1, f"a handshake of {version}")
    wait_until(lambda: one.metric("sluice_tls_handshake_failures_total", reason="not_tls") == 1, "a failure")


def test_status_says_what_is_going_on(proxied):
    gateway, upstream = proxied(server="connections_max = 500")
    with gateway.client() as client:
        client.ask()
        gateway.wait_for_metric(0, "sluice_upstream_requests_in_flight", upstream="main")
        gateway.wait_for_metric(1, "sluice_upstream_connections", upstream="main", state="idle")
        answered = ask(gateway.admin, target="/status")
    assert answered.get("Content-Type") == "application/json"
    status = json.loads(answered.body)
    assert status["state"] == "serving" and status["workers"] == 1
    assert status["uptime_seconds"] >= 0 and status["started_at"].endswith("Z")
    assert status["config"]["file"] == str(gateway.config)
    for name in ("hash", "files_hash"):
        assert re.fullmatch("[0-9a-f]{16}", status["config"][name])
    assert status["last_reload"]["success"] is True and status["last_reload"]["faults"] == []
    assert status["connections"] == {"open": 1, "max": 500}
    [listener] = status["listeners"]
    assert listener == {"name": "plain", "address": f"127.0.0.1:{gateway.port}", "tls": False, "connections": 1}
    [main] = status["upstreams"]
    assert main["name"] == "main" and main["connections_idle"] == 1 and main["requests_in_flight"] == 0
    assert main["endpoints"] == [{"address": upstream.address, "state": "up", "weight": 1}]
    assert {log["name"] for log in status["logs"]} == {"access", "error"}
    shown = f'{{hash="{status["config"]["hash"]}",files_hash="{status["config"]["files_hash"]}"}}'
    assert f"sluice_config_hash_info{shown} 1" in ask(gateway.admin, target="/metrics").body.decode()


def test_status_shows_an_endpoint_that_was_set_aside(gateway):
    one = gateway(settings(f"127.0.0.1:{free_port()}"))
    assert_problem(one.ask(), 502, "upstream_unreachable")

    def state():
        return json.loads(ask(one.admin, target="/status").body)["upstreams"][0]["endpoints"][0]["state"]
    wait_until(lambda: state() == "set_aside", "set aside")


def test_readiness_says_why_not(proxied):
    gateway, _ = proxied(server='drain_delay = "3s"')
    assert ask(gateway.admin, target="/readyz").body == b"ready\n"
    gateway.signal(signal.SIGTERM)
    wait_until(lambda: ask(gateway.admin, target="/readyz").body.startswith(b"draining: "), "a reason")
    assert json.loads(ask(gateway.admin, target="/status").body)["state"] == "leaving"


@pytest.mark.plain_build
def test_a_held_loop_is_counted_and_said(gateway, upstream, tmp_path):
    library, trigger = tmp_path / "slow_write.so", tmp_path / "trigger"
    source = Path(__file__).with_name("slow_write.c")
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", str(source), "-o", str(library)],
                   check=True)
    one = gateway(settings(upstream()), environment={"LD_PRELOAD": str(library), "SLUICE_SLOW_WRITE": str(trigger)})
    one.ask()
    before = one.metric("sluice_loop_stalls_total")   # a busy machine may have made one
    trigger.touch()
    assert one.ask().status == 200
    assert not trigger.exists()
    wait_until(lambda: one.metric("sluice_loop_stalls_total") > before, "the stall")
    found = one.wait_for_error_line(r' warn  event loop stalled loop="worker 0" milliseconds=(\d{4,})')
    assert 1000 <= int(found[1]) < 1000 + 1000 * SLOW


def test_a_flood_of_faulty_connections_does_not_fill_the_error_log(proxied):
    gateway, _ = proxied(top='trusted_proxies = ["127.0.0.1"]', listen="proxy_protocol = true")
    for _ in range(300):
        with gateway.client() as client:
            client.send(b"no PROXY header\r\n\r\n").read_to_end_whatever_happens()
    def refused():
        return gateway.error_log().count("connection refused")
    wait_until(lambda: gateway.metric("sluice_log_lines_suppressed_total") == 300 - refused(),
               "each is a line or is counted")
    assert 100 <= refused() <= 200, refused()       # one window of ten seconds, or two

"""The admin listener: health, readiness, metrics, and nothing else."""
import json
import signal

import pytest
from prometheus_client.parser import text_string_to_metric_families
from support.client import ask
from support.gateway import settings
from support.timing import wait_until


def test_health_and_readiness(proxied):
    gateway, _ = proxied()
    assert ask(gateway.admin, target="/healthz").status == 200
    assert ask(gateway.admin, target="/readyz").status == 200


def test_nothing_else_is_there(proxied):
    gateway, upstream = proxied()
    assert ask(gateway.admin, target="/").status == 404
    assert ask(gateway.admin, target="/../etc/passwd").status in (400, 404)
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
    wait_until(lambda: one.metric("sluice_http_requests_total", route="all") == 30,
               "30 requests counted")
    assert one.metric("sluice_upstream_requests_total", upstream="main") == 30
    assert one.metric("sluice_http_request_duration_seconds_count", route="all") == 30
    assert one.metric("sluice_http_request_bytes_total", route="all") >= 150
    assert one.metric("sluice_http_response_bytes_total", route="all") >= 150


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

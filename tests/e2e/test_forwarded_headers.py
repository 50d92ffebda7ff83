"""Who the client is, as told to the upstream: only trusted proxies are believed."""
import re

import pytest

FORGED = [("X-Forwarded-For", "1.2.3.4"), ("X-Forwarded-Proto", "https"),
          ("X-Forwarded-Host", "evil.example"),
          ("X-Forwarded-Port", "1"), ("X-Real-IP", "1.2.3.4"),
          ("Forwarded", "for=1.2.3.4;proto=https")]


def test_an_untrusted_clients_claims_are_replaced(proxied):
    gateway, upstream = proxied()
    gateway.ask(fields=FORGED, host="shop.example")
    received = upstream.last
    assert received.get("X-Forwarded-For") == "127.0.0.1"
    assert received.get("X-Forwarded-Proto") == "http"
    assert received.get("X-Forwarded-Host") == "shop.example"
    forwarded = received.get("Forwarded").lower()
    assert "for=127.0.0.1" in forwarded and "proto=http" in forwarded and "https" not in forwarded
    assert b"1.2.3.4" not in received.head and b"evil.example" not in received.head


def test_other_spellings_of_forwarding_fields_do_not_slip_through(proxied):
    gateway, upstream = proxied()
    gateway.ask(fields=[("X_Forwarded_For", "1.2.3.4"), ("x-forwarded_for", "1.2.3.4"),
                        ("X-FORWARDED-FOR", "1.2.3.4"), ("X-Forwarded-For", "5.6.7.8")])
    assert b"1.2.3.4" not in upstream.last.head and b"5.6.7.8" not in upstream.last.head


def test_a_trusted_proxys_list_is_continued(proxied):
    gateway, upstream = proxied(top='trusted_proxies = ["127.0.0.0/8"]')
    gateway.ask(fields=[("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "https"),
                        ("X-Forwarded-Host", "shop.example")], host="inner")
    received = upstream.last
    assert received.get("X-Forwarded-For") == "203.0.113.9, 127.0.0.1"
    assert received.get("X-Forwarded-Proto") == "https"
    assert received.get("X-Forwarded-Host") == "shop.example"


def test_a_trusted_proxys_forwarded_is_continued(proxied):
    gateway, upstream = proxied(top='trusted_proxies = ["127.0.0.0/8"]')
    gateway.ask(fields=[("Forwarded", 'for="[2001:db8::1]:4711";proto=https')])
    forwarded = ", ".join(upstream.last.all("Forwarded"))
    assert forwarded.startswith('for="[2001:db8::1]:4711";proto=https')
    assert "for=127.0.0.1" in forwarded
    assert upstream.last.get("X-Forwarded-For") == "2001:db8::1, 127.0.0.1"
    assert upstream.last.get("X-Forwarded-Proto") == "https"
    assert gateway.access_log(1)[0]["client_ip"] == "2001:db8::1"


def test_the_client_is_the_last_address_that_is_not_trusted(proxied):
    gateway, _ = proxied(top='trusted_proxies = ["127.0.0.0/8", "10.0.0.0/8"]')
    gateway.ask(fields=[("X-Forwarded-For", "6.6.6.6, 203.0.113.9, 10.1.2.3")])
    assert gateway.access_log(1)[0]["client_ip"] == "203.0.113.9"


@pytest.mark.parametrize("trusted", ['[]', '["10.0.0.0/8"]'])
def test_nobody_is_trusted_unless_named(proxied, trusted):
    gateway, upstream = proxied(top=f"trusted_proxies = {trusted}")
    gateway.ask(fields=[("X-Forwarded-For", "203.0.113.9")])
    assert upstream.last.get("X-Forwarded-For") == "127.0.0.1"


def test_a_broken_list_from_a_trusted_proxy_invents_no_client(proxied):
    gateway, _ = proxied(top='trusted_proxies = ["127.0.0.0/8"]')
    gateway.ask(fields=[("X-Forwarded-For", "not an address, , ;")])
    assert gateway.access_log(1)[0]["client_ip"] == "127.0.0.1"


def test_a_request_id_is_made_and_passed_on(proxied):
    gateway, upstream = proxied()
    gateway.ask()
    gateway.ask()
    first, second = (one.get("X-Request-Id") for one in upstream.requests)
    assert re.fullmatch(r"[0-9A-Za-z_-]{16,64}", first) and first != second
    assert [line["request_id"] for line in gateway.access_log(2)] == [first, second]


def test_a_request_id_that_is_no_token_is_replaced(proxied):
    gateway, upstream = proxied(top='trusted_proxies = ["127.0.0.0/8"]')
    gateway.ask(fields=[("X-Request-Id", 'a"b c' * 50)])
    assert re.fullmatch(r"[0-9A-Za-z_-]{16,64}", upstream.last.get("X-Request-Id"))


TRACE = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-0[01]")


def test_a_trace_is_begun(proxied):
    gateway, upstream = proxied()
    gateway.ask()
    assert TRACE.fullmatch(upstream.last.get("traceparent"))


def test_a_trace_is_passed_on(proxied):
    gateway, upstream = proxied()
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    gateway.ask(fields=[("traceparent", f"00-{trace_id}-00f067aa0ba902b7-01"),
                        ("tracestate", "a=1,b=2")])
    assert TRACE.fullmatch(upstream.last.get("traceparent")).group(1) == trace_id
    assert upstream.last.get("tracestate") == "a=1,b=2"


@pytest.mark.parametrize("value", ["00-" + "0" * 32 + "-00f067aa0ba902b7-01", "nonsense",
                                   "ff-" + "a" * 32 + "-" + "b" * 16 + "-01",
                                   "00-" + "A" * 32 + "-" + "b" * 16 + "-01"])
def test_a_broken_trace_is_begun_anew(proxied, value):
    gateway, upstream = proxied()
    gateway.ask(fields=[("traceparent", value), ("tracestate", "a=1")])
    assert TRACE.fullmatch(upstream.last.get("traceparent"))
    assert value not in upstream.last.get("traceparent")
    assert not upstream.last.has("tracestate")

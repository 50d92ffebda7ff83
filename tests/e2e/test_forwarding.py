"""What is asked reaches the upstream, what it answers reaches the client: byte for byte (G1)."""
import os

import pytest
from support.client import Client, request
from support.gateway import settings
from support.problem import assert_problem
from support.timing import wait_until
from support.upstream import answer, raw

EVERY_BYTE = bytes(range(256)) * 3


@pytest.mark.parametrize("status", [200, 201, 202, 299, 301, 400, 401, 404, 413, 418, 429, 500,
                                    502, 503, 599])
def test_status_and_body_pass_byte_for_byte(proxied, status):
    gateway, upstream = proxied(answer(status, EVERY_BYTE, [("X-Mine", "1")], "As It Is"))
    response = gateway.ask()
    assert (response.status, response.body) == (status, EVERY_BYTE)
    assert response.get("X-Mine") == "1"
    assert len(upstream.requests) == 1


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND",
                                    "REPORT"])
def test_methods_pass(proxied, method):
    gateway, upstream = proxied()
    assert gateway.ask(method, "/thing", body=b"sent").body == b"hello"
    assert (upstream.last.method, upstream.last.target, upstream.last.body) == (method, "/thing",
                                                                                b"sent")


def test_end_to_end_fields_pass_with_order_spelling_and_duplicates(proxied):
    gateway, upstream = proxied(answer(fields=[("Set-Cookie", "a=1"), ("X-oDD", "caSe"),
                                               ("Set-Cookie", "b=2")]))
    sent = [("Accept", "*/*"), ("X-mULTI", "one"), ("Cookie", "c=d; e=f"), ("X-mULTI", "two"),
            ("Authorization", "Bearer x"), ("X-Empty", ""), ("X-Tab", "a\tb"), ("X-Latin", "\xe9")]
    response = gateway.ask(fields=sent)
    received = [field for field in upstream.last.fields if field in sent]
    assert received == sent
    own = [field for field in response.fields if field[0] in ("Set-Cookie", "X-oDD")]
    assert own == [("Set-Cookie", "a=1"), ("X-oDD", "caSe"), ("Set-Cookie", "b=2")]


def test_host_is_kept_and_comes_once(proxied):
    gateway, upstream = proxied()
    gateway.ask(host="shop.example.com:8080")
    assert upstream.last.get("Host") == "shop.example.com:8080"


def test_via_is_added_to_requests(proxied):
    """To responses a gateway may add it (RFC 9110 section 7.6.3); what is there stays."""
    gateway, upstream = proxied(answer(fields=[("Via", "1.0 inner")]))
    response = gateway.ask(fields=[("Via", "1.1 outer")])
    assert ", ".join(upstream.last.all("Via")).startswith("1.1 outer, 1.1 ")
    assert ", ".join(response.all("Via")).startswith("1.0 inner")


@pytest.mark.parametrize("query", ["q=a%2fb&empty=&q=1", "", "a?b?c", "%7e=%7E", "x=../..//y"])
def test_query_is_never_rewritten(proxied, query):
    gateway, upstream = proxied()
    gateway.ask(target="/path?" + query)
    assert upstream.last.target == "/path?" + query


@pytest.mark.parametrize("sent, canonical", [
    ("/a/./b/../c", "/a/c"), ("/%7Euser", "/~user"), ("/%7euser/%41", "/~user/A"),
    ("/a/b/..", "/a/"),
    ("/a%20b", "/a%20b"), ("/a%c3%a9", "/a%C3%A9"), ("/.", "/"), ("/a/", "/a/"),
    ("/a;v=1/b", "/a;v=1/b"),
    ("/%2e%2e/x", None), ("/a/%2e%2e/x", "/x"), ("/a/..%2fx", None), ("/a%2fb", None),
    ("/a//b", None),
    ("/a%00b", None), ("/a\\b", None), ("/a%5cb", None), ("/a%zz", None), ("/../x", None),
])
def test_upstream_sees_the_one_canonical_path(proxied, sent, canonical):
    gateway, upstream = proxied()
    response = gateway.ask(target=sent)
    if canonical is None:
        assert_problem(response, 400)
        assert upstream.requests == []
    else:
        assert upstream.last.target == canonical


@pytest.mark.parametrize("fields, gone", [
    ([("Connection", "x-secret"), ("X-Secret", "1")], ["x-secret"]),
    ([("Connection", "keep-alive, X-One,x-two"), ("X-One", "1"), ("X-Two", "2")],
     ["x-one", "x-two"]),
    ([("Keep-Alive", "timeout=5")], ["keep-alive"]),
    ([("Proxy-Connection", "keep-alive")], ["proxy-connection"]),
    ([("Proxy-Authorization", "Basic eDp5")], ["proxy-authorization"]),
    ([("TE", "trailers"), ("Connection", "TE")], []),
    ([("Upgrade", "websocket"), ("Connection", "Upgrade")], ["upgrade"]),
    ([("Upgrade", "h2c"), ("HTTP2-Settings", "AAMAAABk"),
      ("Connection", "Upgrade, HTTP2-Settings")],
     ["upgrade", "http2-settings"]),
])
def test_hop_by_hop_fields_of_a_request_stop_here(proxied, fields, gone):
    gateway, upstream = proxied()
    assert gateway.ask(fields=fields).status == 200
    names = upstream.last.names()
    assert [name for name in gone if name in names] == []
    connection = ", ".join(upstream.last.all("Connection")).lower()
    assert all(name not in connection for name in gone)


def test_hop_by_hop_fields_of_a_response_stop_here(proxied):
    gateway, _ = proxied(answer(fields=[
        ("Connection", "X-Inner, keep-alive"), ("X-Inner", "1"), ("Keep-Alive", "timeout=9"),
        ("Proxy-Authenticate", "Basic"), ("Upgrade", "h2c"), ("X-Outer", "stays")]))
    response = gateway.ask()
    assert {"x-inner", "keep-alive", "proxy-authenticate",
            "upgrade"} & set(response.names()) == set()
    assert response.get("X-Outer") == "stays"


def test_a_field_that_matters_may_not_be_named_by_connection(proxied):
    gateway, upstream = proxied()
    for name in ("Authorization", "Cookie", "X-Forwarded-For", "Host"):
        response = gateway.ask(fields=[("Connection", name),
                                       *([(name, "x")] if name != "Host" else [])])
        assert_problem(response, 400)
    assert upstream.requests == []


def test_response_without_any_field_passes(proxied):
    gateway, _ = proxied(raw(b"HTTP/1.1 200 OK\r\n\r\nto the end", then="close"))
    response = gateway.ask()
    assert (response.status, response.body) == (200, b"to the end")


def test_a_file_of_nginx_passes(gateway, nginx):
    behind = nginx()
    data = os.urandom(3_000_001)
    (behind.root / "file").write_bytes(data)
    one = gateway(settings(behind))
    with one.client() as client:
        assert client.ask(target="/file").body == data
        part = client.ask(target="/file", fields=[("Range", "bytes=100-299")])
        assert (part.status, part.body) == (206, data[100:300])
        assert client.ask(target="/missing").status == 404


@pytest.mark.threads
def test_several_workers_share_the_load(gateway, upstream):
    behind = upstream()
    one = gateway(settings(behind, server="workers = 2"))
    for _ in range(40):
        assert one.ask(fields=[("X-Any", "1")]).status == 200
    assert len(behind.requests) == 40


def test_ipv6_both_sides(gateway, upstream):
    behind = upstream(host="::1")
    one = gateway(settings(behind, more='[listen.six]\naddress = "[::1]:@six@"'))
    with Client(one.six, host="::1") as client:
        assert client.ask().body == b"hello"
    assert one.ask().body == b"hello"


def test_unix_sockets_on_both_sides(gateway, upstream, tmp_path):
    behind = upstream(path=tmp_path / "upstream.sock")
    one = gateway(settings(behind, more='[listen.local]\naddress = "unix:@dir@/listen.sock"'))
    assert one.ask().body == b"hello"
    with Client(one.folder / "listen.sock") as client:
        for _ in range(3):
            assert client.ask().body == b"hello"


def test_more_than_max_in_flight_is_503(gateway, upstream):
    behind = upstream(lambda connection, _: connection.stall())
    one = gateway(settings(behind, upstream="max_in_flight = 3"))
    held = [one.client().send(request()) for _ in range(3)]
    behind.wait_for_requests(3)
    assert_problem(one.ask(), 503, "upstream_busy")
    behind.script = answer()
    for client in held:
        client.reset()
    wait_until(lambda: one.ask().status == 200, "there is room again")

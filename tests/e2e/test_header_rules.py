"""Header rules both ways and rewriting of host and path."""
import pytest
from support.client import request
from support.h2_client import H2Client
from support.problem import assert_problem
from support.timing import wait_until
from support.upstream import answer, raw

REQUEST = """
[route.all.headers.request]
set = { X-Tenant = "gold", X-New = "1" }
add = { X-List = "mine" }
remove = ["X-Debug"]
"""
RESPONSE = """
[route.all.headers.response]
set = { X-Frame-Options = "DENY" }
add = { X-List = "mine" }
remove = ["Server", "X-Powered-By"]
"""


def test_request_rules(proxied):
    gateway, upstream = proxied(more=REQUEST)
    gateway.ask(fields=[("X-Debug", "1"), ("x-debug", "2"), ("X-List", "theirs"),
                        ("X-Other", "stays")])
    received = upstream.last
    assert (received.get("X-Tenant"), received.get("X-New")) == ("gold", "1")
    assert received.all("X-List") == ["theirs", "mine"]
    assert not received.has("X-Debug") and received.get("X-Other") == "stays"


def test_a_field_that_is_set_is_first_deleted_in_every_spelling(proxied):
    """F5: an upstream that reads `-` and `_` alike may not be fooled."""
    gateway, upstream = proxied(more=REQUEST)
    gateway.ask(fields=[("X-Tenant", "evil"), ("x_tenant", "evil"), ("X-TENANT", "evil"),
                        ("X_Tenant", "evil")])
    assert upstream.last.get("X-Tenant") == "gold"
    assert b"evil" not in upstream.last.head


def test_rules_may_set_the_real_address_and_port(proxied):
    gateway, upstream = proxied(more="""
[route.all.headers.request]
set = { X-Real-IP = "{ip}", X-Forwarded-Port = "443" }
""")
    gateway.ask(fields=[("X-Real-IP", "6.6.6.6"), ("x_real_ip", "6.6.6.6"), ("X-Forwarded-Port", "6")])
    assert upstream.last.all("X-Real-IP") == ["127.0.0.1"] and upstream.last.all("X-Forwarded-Port") == ["443"]
    assert b"6.6.6.6" not in upstream.last.head


def test_response_rules(proxied):
    gateway, _ = proxied(answer(fields=[("Server", "secret/1.0"), ("X-Powered-By", "x"),
                                        ("X-List", "theirs"),
                                        ("X-Frame-Options", "ALLOW")]), more=RESPONSE)
    answered = gateway.ask()
    assert answered.get("X-Frame-Options") == "DENY"
    assert answered.all("X-List") == ["theirs", "mine"]
    assert not answered.has("Server") and not answered.has("X-Powered-By")


def test_response_rules_apply_to_our_own_responses_too(gateway, proxied):
    gateway_, upstream = proxied(more=RESPONSE)
    upstream.stop()
    answered = gateway_.ask()
    assert_problem(answered, 502, "upstream_unreachable")
    assert answered.get("X-Frame-Options") == "DENY"


TRAILERS = [("X-Tenant", "evil"), ("x_tenant", "evil"), ("X-Debug", "1"), ("X_Debug", "2"), ("X-Sum", "7")]


def test_trailers_are_no_way_round_the_rules(proxied):
    gateway, upstream = proxied(answer(body=b"", chunks=[b"abc"], fields=[("Trailer", "X-Sum, X-Powered-By, x_powered_by")],
                                       trailers=[("X-Powered-By", "x"), ("x_powered_by", "x"), ("X-Sum", "8")]),
                                more=REQUEST + RESPONSE, listen='protocols = ["h1", "h2c"]')
    names = ", ".join(name for name, _ in TRAILERS)
    fields = [("Trailer", names), ("TE", "trailers"), ("Connection", "TE")]
    with gateway.client() as client:
        whole = client.ask("POST", fields=fields, chunks=[b"abc"], trailers=TRAILERS)
        assert whole.trailers == [("X-Sum", "8")]
        assert upstream.last.trailers == [("X-Sum", "7")]
        head, chunks = request("POST", fields=fields, chunks=[b"abc"], trailers=TRAILERS).split(b"\r\n\r\n", 1)
        client.send(head + b"\r\n\r\n")
        wait_until(lambda: len(upstream.requests) == 2, "the upstream has the head")
        client.send(chunks)
        assert client.response().status == 200
        assert upstream.last.trailers == [("X-Sum", "7")]
    with H2Client(gateway.port) as client:
        reply = client.ask("POST", "/", [("te", "trailers")], body=b"abc", trailers=[(name.lower(), value) for name, value in TRAILERS])
        assert reply.trailers == [("x-sum", "8")]
        assert upstream.last.trailers == [("x-sum", "7")]


def test_interim_responses_are_no_way_round_the_rules(proxied):
    hints = (b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nServer: secret/1.0\r\nx_powered_by: x\r\nX-Frame-Options: ALLOW\r\n"
             b"X-Request-Id: theirs\r\n\r\n")
    gateway, _ = proxied(raw(hints + b"HTTP/1.1 204 No Content\r\n\r\n"), more=RESPONSE, listen='protocols = ["h1", "h2c"]')
    answered = gateway.ask()
    assert [one.fields for one in answered.informational] == [[("Link", "</a.css>")]]
    assert answered.get("X-Frame-Options") == "DENY"
    with H2Client(gateway.port) as client:
        assert client.ask().informational == [[(":status", "103"), ("link", "</a.css>")]]


def test_of_trailers_that_the_rules_take_all_nothing_is_left(proxied):
    gateway, upstream = proxied(more=REQUEST)
    assert gateway.ask("POST", fields=[("Trailer", "X-Debug")], chunks=[], trailers=[("X-Debug", "1")]).status == 200
    assert upstream.last.trailers == [] and not upstream.last.has("Transfer-Encoding")


def test_host_is_rewritten(proxied):
    gateway, upstream = proxied(route='rewrite = { host = "inner.example" }')
    gateway.ask(host="outer.example")
    assert upstream.last.get("Host") == "inner.example"
    assert upstream.last.get("X-Forwarded-Host") == "outer.example"


def test_path_is_rewritten_and_the_query_kept(proxied):
    gateway, upstream = proxied(route='rewrite = { path = "/base/{**}" }')
    gateway.ask(target="/a/b?x=%2f")
    assert upstream.last.target == "/base/a/b?x=%2f"


@pytest.mark.parametrize("hostile", [b"a\rInjected: 1", b"a\nInjected: 1", b"a\x00b"])
def test_control_bytes_never_reach_the_upstream(proxied, hostile):
    gateway, upstream = proxied()
    with gateway.client() as client:
        client.send(request()[:-2] + b"X-Bad: " + hostile + b"\r\n\r\n")
        assert client.response().status == 400
    assert upstream.requests == []


def test_a_template_takes_facts_and_drops_what_is_missing(proxied):
    gateway, upstream = proxied(more="""
[route.all.headers.request.set]
X-Route = "{route}"
X-Asked = "{method} {host}"
X-Brace = "{{"
X-Copy  = "{header.X-Original}"
""")
    gateway.ask(host="shop.example")
    received = upstream.last
    assert (received.get("X-Route"), received.get("X-Asked")) == ("all", "GET shop.example")
    assert received.get("X-Brace") == "{"
    assert not received.has("X-Copy")

"""`sluice explain` runs the very code of `run`: the request it prints is the one that leaves."""
import hashlib
import re

import pytest
from support.client import ask
from support.gateway import run_command, settings
from support.h2_client import H2Client
from support.upstream import answer
from support.websocket import handshake

LINES = {
    "route": 'rewrite = { host = "inner.example" }',
    "more": """
[route.order]
match = { path = "/users/{user}/orders/{order}", methods = ["GET", "PUT"] }
upstream = "main"
rewrite = { path = "/internal/{order}" }
[route.order.headers.request]
set = { X-Tenant = "gold", X-Route = "{route}" }
remove = ["X-Debug"]
""",
}
MARK = "upstream request:"
# Made anew for every request: compared by form only.
FRESH = re.compile(rb"(?im)^((?:x-request-id|traceparent): ).*$")


def printed_request(output):
    """The block of lines, each indented by four spaces, that follows the line `upstream
    request:`."""
    lines = output.split(MARK, 1)[1].splitlines()[1:]
    block = []
    for line in lines:
        if not line.startswith("    "):
            break
        block.append(line[4:])
    return "\r\n".join([*block, "", ""]).encode()


def explain(one, method, url, fields=()):
    """gives: the upstream request that `sluice explain` prints, with * for what is made anew for every request"""
    options = [part for name, value in fields for part in ("-H", f"{name}: {value}")]
    explained = run_command("explain", "-c", one.config, method, url, *options)
    assert explained.returncode == 0, explained.stdout + explained.stderr
    return FRESH.sub(rb"\1*", printed_request(explained.stdout))


def arrived(behind):
    """The head of the last request at the upstream, likewise."""
    return FRESH.sub(rb"\1*", behind.last.head)


@pytest.mark.parametrize("method, target, fields", [
    ("GET", "/plain?q=1", []),
    ("GET", "/users/7/orders/9?x=%2F", [("X-Debug", "1"), ("X-Tenant", "evil"),
                                        ("Accept", "text/html")]),
    ("PUT", "/users/7/orders/9", [("Cookie", "a=b"), ("Connection", "close, X-Gone"),
                                  ("X-Gone", "1")]),
    ("GET", "/a/../b/%7euser", [("X-Forwarded-For", "1.2.3.4"), ("traceparent", "nonsense")]),
])
def test_the_request_that_explain_prints_is_the_one_that_arrives(proxied, method, target, fields):
    gateway, upstream = proxied(**LINES)
    gateway.ask(method, target, fields, host="shop.example")
    length = [("Content-Length", "0")] if method == "PUT" else []
    assert explain(gateway, method, f"http://shop.example{target}", [*fields, *length]) == arrived(upstream)


KEY = "slk_of_explain"
FULL = {
    "listen": 'protocols = ["h1", "h2c"]',
    "route": """
auth = "none"
[route.all.headers.request]
set = { X-From = "{ip}", X-How = "{method} {host} {route}", X-Asked = "{query.a}/{header.X-In}" }
add = { X-Via = "sluice" }
remove = ["X-Debug", "User-Agent"]
[route.all.headers.response]
set = { X-Out = "{route}" }
remove = ["Server"]
""",
    "more": f"""
[auth.partners]
type = "api_key"
query = "api_key"
[consumer.acme]
keys = [{{ id = "k1", sha256 = "{hashlib.sha256(KEY.encode()).hexdigest()}" }}]
claims = {{ tenant = "gold" }}
[route.guarded]
match = {{ path = "/guarded/{{item}}/**" }}
upstream = "main"
auth = ["partners"]
rewrite = {{ path = "/of/{{item}}/{{**}}", host = "inner.example" }}
[route.guarded.headers.request]
set = {{ X-Consumer = "{{consumer}}", X-Tenant = "{{claim.tenant}}", X-Item = "{{path.item}}" }}
[route.live]
match = {{ path = "/live", upgrade = "websocket" }}
upstream = "main"
auth = "none"
""",
}
SECURE = """
[listen.secure]
address = "127.0.0.1:@tls@"
tls = "site"
[tls.site]
certificates = [{{ cert = "{}", key = "{}" }}]
"""
BODY = b"x" * 1000
REQUESTS = {
    "a body": ("POST", "/a?b=1", [("Content-Type", "application/json"), ("Expect", "100-continue")], BODY),
    "an empty body": ("POST", "/a", [], b""),
    "a key in a field": ("GET", "/guarded/7/x/y?q=%2F", [("X-Api-Key", KEY), ("X_Consumer", "root"), ("x-tenant", "spoofed")], b""),
    "a key in the query": ("DELETE", f"/guarded/a%20b/x?q=1&api_key={KEY}&z", [("X-Consumer", "root")], b""),
    "a body behind a key": ("PUT", "/guarded/7/x", [("X-Api-Key", KEY), ("Content-Type", "text/plain")], BODY),
    "rules and facts": ("GET", "/a?a=1&a=2", [("X-In", "in"), ("X-Debug", "1"), ("X-Via", "else"), ("User-Agent", "me"), ("X-From", "x")], b""),
    "nothing that facts need": ("GET", "/", [], b""),
    "names in capitals": ("GET", "/", [("ACCEPT", "*/*"), ("accept-ENCODING", "gzip"), ("TE", "trailers"), ("Keep-Alive", "5"),
                                       ("Upgrade", "h2c"), ("Proxy-Authorization", "x")], b""),
    "who it came through": ("GET", "/", [("Forwarded", "for=1.2.3.4"), ("X-Forwarded-Proto", "https"), ("Via", "1.0 old"),
                                         ("traceparent", "00-" + "a" * 32 + "-" + "b" * 16 + "-01"), ("tracestate", "a=b")], b""),
}


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("case", REQUESTS)
def test_what_explain_prints_arrives_with_bodies_keys_rules_and_over_tls(gateway, upstream, authority, case, secure):
    method, target, fields, body = REQUESTS[case]
    behind = upstream(answer(204, b""))
    lines = {**FULL, "more": FULL["more"] + SECURE.format(*authority.leaf("shop.example"))}
    one = gateway(settings(behind, **lines))
    port = one.tls if secure else one.port
    tls = {"tls": authority.client_context(), "server_name": "shop.example"} if secure else {}
    length = [("Content-Length", str(len(body)))] if method in ("POST", "PUT") else []
    host = f"shop.example:{port}"
    assert ask(port, method, target, fields, body, host=host, **tls).status == 204
    explained = explain(one, method, f"http{'s' if secure else ''}://{host}{target}", [*fields, *length])
    assert explained == arrived(behind)
    assert KEY.encode() not in explained
    assert (b"X-Consumer: acme\r\n" in explained) == (b"X-Tenant: gold\r\n" in explained) == target.startswith("/guarded/")


@pytest.mark.parametrize("case", REQUESTS)
def test_what_explain_prints_arrives_from_a_client_with_http2(gateway, upstream, case):
    """It has none of a connection's fields. Explained is a request of HTTP/1.1, and only Via says which it was."""
    method, target, fields, body = REQUESTS[case]
    behind = upstream(answer(204, b""))
    one = gateway(settings(behind, **FULL))
    fields = [(name.lower(), value) for name, value in fields if name not in ("Keep-Alive", "Upgrade", "Expect")]
    length = [("content-length", str(len(body)))] if method in ("POST", "PUT") else []
    host = f"shop.example:{one.port}"
    with H2Client(one.port) as client:
        assert client.ask(method, target, [*fields, *length], body, authority=host).status == 204
    explained = explain(one, method, f"http://{host}{target}", [*fields, *length])
    assert explained.count(b"1.1 sluice\r\n") == 1
    assert explained.replace(b"1.1 sluice\r\n", b"2 sluice\r\n") == arrived(behind)


@pytest.mark.parametrize("fields", [[], [("Sec-WebSocket-Protocol", "chat, v2"), ("Origin", "https://a.example"),
                                         ("Sec-WebSocket-Extensions", "permessage-deflate")]])
def test_the_opening_of_a_websocket_that_explain_prints_is_the_one_that_arrives(gateway, upstream, fields):
    behind = upstream(answer(403, b""))
    one = gateway(settings(behind, **FULL))
    fields = [*handshake(), *fields]
    assert one.ask("GET", "/live?a=1", fields, host="shop.example").status == 403
    explained = explain(one, "GET", "http://shop.example/live?a=1", fields)
    assert explained == arrived(behind) and b"\r\nUpgrade: websocket\r\n" in explained


def test_explain_names_the_route_and_why(gateway, upstream):
    one = gateway(settings(upstream(), **LINES))
    explained = run_command("explain", "-c", one.config, "GET", "http://a/users/1/orders/2")
    assert explained.returncode == 0
    assert "order" in explained.stdout and "/users/{user}/orders/{order}" in explained.stdout


@pytest.mark.parametrize("method, url, status", [("DELETE", "http://a/users/1/orders/2", "405"),
                                                 ("GET", "http://a/%2fx", "400")])
def test_explain_shows_refusals(gateway, upstream, method, url, status):
    one = gateway(settings(upstream(), **LINES))
    assert status in run_command("explain", "-c", one.config, method, url).stdout


def test_explain_needs_no_running_gateway(tmp_path):
    config = tmp_path / "sluice.toml"
    config.write_text('sluice = 1\n[listen.a]\naddress = "127.0.0.1:1"\n[route.r]\n'
                      'match = { path = "/**" }\nrespond = { status = 204 }\n')
    explained = run_command("explain", "-c", config, "GET", "http://a/x")
    assert explained.returncode == 0 and "204" in explained.stdout


def test_explain_shows_a_call_in_grpcs_terms(gateway, upstream):
    one = gateway(settings(upstream(), listen='protocols = ["h2c"]', upstream='protocol = "h2c"', route='auth = "none"').replace(
        'path = "/**"', 'path = "/shop.Orders/{method}"'))
    call = ["-H", "Content-Type: application/grpc", "-H", "grpc-timeout: 1500m"]
    good = run_command("explain", "-c", one.config, "POST", "http://a/shop.Orders/Get", *call)
    assert good.returncode == 0
    assert "gRPC: refused by trailers only (status 200 with grpc-status), deadline 1500ms from its arrival" in good.stdout
    assert "/shop.Orders/Get" in good.stdout.split("upstream request:")[1] and "grpc-timeout: 1500m" in good.stdout
    bad = run_command("explain", "-c", one.config, "POST", "http://a/nowhere.Service/A", *call)
    assert "HTTP/1.1 200 OK" in bad.stdout and "grpc-status: 12" in bad.stdout and "grpc-message: Not Found" in bad.stdout
    assert "note:" not in good.stdout + bad.stdout


def test_explain_says_what_speaks_no_http2(tmp_path):
    config = tmp_path / "sluice.toml"
    config.write_text('sluice = 1\n[listen.a]\naddress = "127.0.0.1:1"\n[upstream.u]\nservers = ["127.0.0.1:9"]\n'
                      '[route.r]\nmatch = { path = "/**" }\nupstream = "u"\n')
    nobody = 'note: no client can ask so here, the listener speaks no HTTP/2: protocols = ["h1", "h2c"]'
    call = run_command("explain", "-c", config, "POST", "http://a/p.S/M", "-H", "Content-Type: application/grpc").stdout
    assert nobody in call and 'HTTP/1.1, which [upstream.u] speaks, carries no gRPC: protocol = "h2c"' in call
    assert nobody in run_command("explain", "-c", config, "CONNECT", "http://a/", "-H", ":protocol: websocket").stdout
    assert "note:" not in run_command("explain", "-c", config, "POST", "http://a/p.S/M").stdout


def test_a_listener_that_asks_for_certificates_is_explained_as_to_a_client_without(gateway, upstream, authority):
    cert, key = authority.leaf("shop.example")
    behind = upstream()
    one = gateway(settings(behind, more=f"""
[listen.secure]
address = "127.0.0.1:@tls@"
tls = "site"
[tls.site]
certificates = [{{ cert = "{cert}", key = "{key}" }}]
client_cert = {{ ca = "{authority.cert}", mode = "optional" }}
"""))
    target = f"https://shop.example:{one.tls}/x"
    explained = run_command("explain", "-c", one.config, "GET", target)
    assert explained.returncode == 0, explained.stdout + explained.stderr
    ask(one.tls, target="/x", host=f"shop.example:{one.tls}", tls=authority.client_context(), server_name="shop.example")
    assert FRESH.sub(rb"\1*", printed_request(explained.stdout)) == FRESH.sub(rb"\1*", behind.last.head)


@pytest.mark.parametrize("url, note", [("https://a/x", "note: no listener has TLS"), ("http://a:9/x", "note: no listener has port 9"),
                                       ("http://a/x", "")])
def test_what_no_listener_serves_is_noted(gateway, upstream, url, note):
    one = gateway(settings(upstream(), **LINES))
    first = run_command("explain", "-c", one.config, "GET", url).stdout.splitlines()[0]
    assert first.startswith(note or "listener ")


@pytest.mark.parametrize("url", ["http://a:99999/", "http://a:0/", "http://a:x/", "https://[::1]:65536/"])
def test_a_port_that_is_none_is_refused(gateway, upstream, url):
    one = gateway(settings(upstream(), **LINES))
    explained = run_command("explain", "-c", one.config, "GET", url)
    assert explained.returncode == 1 and explained.stdout == ""
    assert explained.stderr == f"sluice: {url}: a port is 1 to 65535\n"

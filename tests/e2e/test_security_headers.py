"""Security headers: on every response, the gateway's own too; what a response says itself stays."""
import pytest
from support.client import Client
from support.gateway import run_command, settings
from support.problem import assert_problem
from support.upstream import answer
from test_api_keys import sha256

CSP, FRAME, CACHE = "Content-Security-Policy", "X-Frame-Options", "Cache-Control"
API = {CSP: ["default-src 'none'; frame-ancestors 'none'"], "X-Content-Type-Options": ["nosniff"], FRAME: ["DENY"],
       "Referrer-Policy": ["no-referrer"], "Cross-Origin-Resource-Policy": ["same-origin"], CACHE: ["no-store"]}
WEB = {CSP: ["base-uri 'self'; frame-ancestors 'self'; object-src 'none'"], "X-Content-Type-Options": ["nosniff"],
       FRAME: ["SAMEORIGIN"], "Referrer-Policy": ["strict-origin-when-cross-origin"],
       "Cross-Origin-Opener-Policy": ["same-origin-allow-popups"], "Cross-Origin-Resource-Policy": ["same-site"]}
NAMES = {name.lower() for name in [*API, *WEB, "Permissions-Policy"]}
ROUTES = f"""
[listen.bare]
address = "127.0.0.1:@bare@"
[listen.redirects]
address = "127.0.0.1:@redirects@"
redirect = "listen.tls"
security_headers = "api-strict"
[listen.tls]
address = "127.0.0.1:@tls@"
tls = "site"
[tls.site]
certificates = [{{ cert = "@cert@", key = "@key@" }}]
[security_headers.site]
preset = "web"
csp = "default-src 'self'"
set = {{ Permissions-Policy = "camera=()" }}
without = ["Cross-Origin-Opener-Policy", "cross-origin-resource-policy", "Referrer-Policy"]
overwrite = true
[auth.partners]
type = "api_key"
[consumer.acme]
keys = [{{ id = "k1", sha256 = "{sha256("acme")}" }}]
[route.page]
match = {{ path = "/page" }}
upstream = "main"
auth = "none"
security_headers = "web"
[route.site]
match = {{ path = "/site" }}
upstream = "main"
auth = "none"
security_headers = "site"
[route.site.headers.response]
set = {{ X-Rule = "1" }}
[route.plain]
match = {{ path = "/plain" }}
upstream = "main"
auth = "none"
security_headers = "none"
[route.rule]
match = {{ path = "/rule" }}
upstream = "main"
auth = "none"
[route.rule.headers.response]
set = {{ X-Frame-Options = "SAMEORIGIN" }}
remove = ["Cache-Control"]
[route.fixed]
match = {{ path = "/fixed" }}
respond = {{ status = 200, body = "here" }}
[upstream.gone]
servers = ["127.0.0.1:@nobody@"]
[route.gone]
match = {{ path = "/gone" }}
upstream = "gone"
auth = "none"
"""


@pytest.fixture(scope="module")
def guarded(shared_gateway, shared_upstream, authority):
    behind = shared_upstream(answer(fields=[("x-frame-options", "ALLOW"), (CACHE, "max-age=60")]))
    cert, key = authority.leaf("localhost")
    text = settings(behind, listen='security_headers = "api-strict"', route='auth = ["partners"]', more=ROUTES)
    return shared_gateway(text.replace("@cert@", str(cert)).replace("@key@", str(key))), behind


def security(response):
    """{name: values} of the fields that these tests are about"""
    found = {}
    for name, value in response.fields:
        if name.lower() in NAMES:
            key = next(one for one in [*API, *WEB, "Permissions-Policy"] if one.lower() == name.lower())
            found.setdefault(key, []).append(value)
    return found


def test_what_a_response_says_itself_stays(guarded):
    one, _ = guarded
    key = [("X-Api-Key", "acme")]
    assert security(one.ask("GET", "/a", key)) == {**API, FRAME: ["ALLOW"], CACHE: ["max-age=60"]}
    assert security(one.ask("GET", "/page")) == {**WEB, FRAME: ["ALLOW"], CACHE: ["max-age=60"]}
    assert security(one.ask("GET", "/plain")) == {FRAME: ["ALLOW"], CACHE: ["max-age=60"]}
    assert security(one.ask("GET", "/rule")) == {**API, FRAME: ["SAMEORIGIN"]}   # rules come first


def test_overwrite_replaces_it(guarded):
    one, _ = guarded
    response = one.ask("GET", "/site")
    assert security(response) == {CSP: ["default-src 'self'"], "X-Content-Type-Options": ["nosniff"],
                                  FRAME: ["SAMEORIGIN"], "Permissions-Policy": ["camera=()"], CACHE: ["max-age=60"]}
    assert response.get("X-Rule") == "1"


@pytest.mark.parametrize("method, target, fields, status, code", [
    ("GET", "/a", [], 401, "credentials_missing"),
    ("GET", "/gone", [], 502, None),
    ("GET", "/a%2fb", [], 400, None),
])
def test_errors_of_the_gateway_have_them(guarded, method, target, fields, status, code):
    one, _ = guarded
    response = one.ask(method, target, fields)
    assert_problem(response, status, code)
    assert security(response) == API
    html = one.ask(method, target, [*fields, ("Accept", "text/html")])
    assert html.status == status and html.get("Content-Type").startswith("text/html") and security(html) == API


def test_fixed_answers_redirects_and_what_is_no_request_have_them(guarded):
    one, _ = guarded
    assert security(one.ask("GET", "/fixed")) == API
    with Client(one.redirects) as client:
        response = client.ask("GET", "/a")
        assert response.status == 308 and security(response) == API
    with one.client() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\nBad Name: 1\r\n\r\n")
        response = client.response()
        assert response.status == 400 and security(response) == API


def test_listeners_without_have_none(guarded):
    one, _ = guarded
    with Client(one.bare) as client:
        assert security(client.ask("GET", "/fixed")) == {}
        assert security(client.ask("GET", "/page")) == {**WEB, FRAME: ["ALLOW"], CACHE: ["max-age=60"]}


def test_explain_shows_them(guarded):
    one, _ = guarded
    said = run_command("explain", "-c", one.config, "--listen", "plain", "GET", "/fixed").stdout
    assert "security headers (the listener's): Content-Security-Policy: default-src 'none'" in said, said
    assert "    X-Frame-Options: DENY\n" in said
    said = run_command("explain", "-c", one.config, "--listen", "plain", "GET", "/site").stdout
    assert "security headers (the route's): X-Content-Type-Options: nosniff" in said, said
    assert "security headers" not in run_command("explain", "-c", one.config, "--listen", "plain", "GET", "/plain").stdout

"""`sluice explain` runs the very code of `run`: the request it prints is the one that leaves."""
import re

import pytest
from support.client import ask
from support.gateway import run_command, settings

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
    options = [part for name, value in fields for part in ("-H", f"{name}: {value}")]
    if method == "PUT":
        options += ["-H", "Content-Length: 0"]
    explained = run_command("explain", "-c", gateway.config, method,
                            f"http://shop.example{target}", *options)
    assert explained.returncode == 0, explained.stdout + explained.stderr
    assert FRESH.sub(rb"\1*", printed_request(explained.stdout)) == FRESH.sub(rb"\1*",
                                                                              upstream.last.head)


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

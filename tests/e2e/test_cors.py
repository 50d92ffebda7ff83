"""CORS: preflights, marks on every answer, routes that take few methods; and a real browser."""
import http.server
import subprocess
import threading

import pytest
from support.browser import CHROMIUM, DRIVER, Browser
from support.gateway import settings
from support.issuer import Issuer, Key, key_set
from support.problem import assert_problem
from support.timing import BINARY
from support.upstream import answer
from test_api_keys import KEY, sha256

APP = "https://app.example"
CORS = f"""
[cors.web]
origins = ["{APP}"]
methods = ["GET", "PUT"]
headers = ["X-Api-Key", "Content-Type"]
expose = ["X-Total"]
max_age = "1h"
[auth.partners]
type = "api_key"
[consumer.acme]
keys = [{{ id = "k1", sha256 = "{sha256(KEY)}" }}]
"""
ROUTE = """
auth = ["partners"]
cors = "web"
"""
PREFLIGHT = [("Origin", APP), ("Access-Control-Request-Method", "PUT"),
             ("Access-Control-Request-Headers", "x-api-key")]


@pytest.fixture
def api(gateway, upstream):
    """An upstream with CORS fields of its own behind a route that asks for keys."""
    behind = upstream(answer(fields=[("Access-Control-Allow-Origin", "*"), ("X-Total", "7"), ("Vary", "Accept")]))
    return gateway(settings(behind, route=ROUTE, more=CORS)), behind


def allows(response):
    """What an answer says about CORS, by the end of the names."""
    return {name[len("access-control-"):].lower(): value for name, value in response.fields
            if name.lower().startswith("access-control-")}


def test_a_preflight_is_answered_before_credentials_are_asked_for(api):
    one, behind = api
    response = one.ask("OPTIONS", "/a", PREFLIGHT)
    assert response.status == 204 and response.body == b""
    assert allows(response) == {"allow-origin": APP, "allow-methods": "GET, PUT", "max-age": "3600",
                                "allow-headers": "X-Api-Key, Content-Type"}
    assert response.get("Vary").startswith("Origin,") and response.has("X-Request-Id")
    with one.client() as client:   # the connection goes on
        for _ in range(2):
            client.send(b"OPTIONS /a HTTP/1.1\r\nHost: x\r\nOrigin: https://evil.example\r\n"
                        b"Access-Control-Request-Method: PUT\r\n\r\n")
            response = client.response("OPTIONS")
            assert response.status == 204 and allows(response) == {}
    assert behind.requests == []
    assert [line["status"] for line in one.access_log(3)] == [204] * 3


def test_every_answer_is_marked_ours_too(api):
    one, behind = api
    from_app = [("Origin", APP)]
    response = one.ask("GET", "/a", [*from_app, ("X-Api-Key", KEY)])
    marks = {"allow-origin": APP, "expose-headers": "X-Total"}
    assert response.status == 200 and allows(response) == marks
    assert response.all("Vary") == ["Accept", "Origin"]
    response = one.ask("GET", "/a", from_app)
    assert_problem(response, 401, "credentials_missing")
    assert allows(response) == marks and response.all("Vary") == ["Origin"]
    response = one.ask("GET", "/a", [("Origin", "https://evil.example"), ("X-Api-Key", KEY)])
    assert response.status == 200 and allows(response) == {}
    assert "Origin" in response.all("Vary")
    assert one.ask("GET", "/a", [("X-Api-Key", KEY)]).all("Vary") == ["Accept", "Origin"]
    behind.stop()
    response = one.ask("GET", "/a", [*from_app, ("X-Api-Key", KEY)])
    assert response.status == 502 and allows(response) == marks


def test_pages_of_the_internet_reach_a_private_network_where_that_is_allowed(gateway, upstream):
    behind = upstream(answer(fields=[("Access-Control-Allow-Private-Network", "true")]))
    one = gateway(settings(behind, route='auth = "none"\ncors = "web"', more=CORS + f"""
[cors.inside]
origins = ["{APP}"]
private_network = true
[route.inside]
match = {{ path = "/inside" }}
upstream = "main"
auth = "none"
cors = "inside"
"""))
    asks = ("Access-Control-Request-Private-Network", "true")

    def allowed(path, *fields, origin=APP, method="OPTIONS"):
        """What the answer says of private networks; of a preflight unless `method` says otherwise."""
        announced = [("Access-Control-Request-Method", "GET")] if method == "OPTIONS" else []
        response = one.ask(method, path, [("Origin", origin), *announced, *fields])
        assert response.status == (204 if announced else 200)
        assert (allows(response).get("allow-origin") == APP) == (origin == APP)
        return allows(response).get("allow-private-network")
    assert allowed("/inside", asks) == "true"
    assert allowed("/inside") is None and allowed("/inside", (asks[0], "false")) is None    # only whoever asks is told
    assert allowed("/inside", asks, origin="https://evil.example") is None
    assert allowed("/a", asks) is None                                                       # not configured
    assert behind.requests == []
    for path in ("/inside", "/a"):      # on no other answer, whatever the upstream says
        assert allowed(path, asks, method="GET") is None
    assert len(behind.requests) == 2


def test_a_429_is_marked_and_preflights_count_for_nothing(gateway, upstream):
    limit = """
[limit.few]
key = "ip"
rate = "2/1h"
"""
    one = gateway(settings(upstream(), route='cors = "web"\nauth = "none"\nlimit = ["few"]', more=CORS + limit))
    for _ in range(5):
        assert one.ask("OPTIONS", "/a", PREFLIGHT).status == 204
    assert [one.ask("GET", "/a", [("Origin", APP)]).status for _ in range(2)] == [200, 200]
    response = one.ask("GET", "/a", [("Origin", APP)])
    assert response.status == 429 and allows(response)["allow-origin"] == APP
    assert response.all("Vary") == ["Origin"]


METHODS = """
[cors.own]
origins = ["https://app.example"]
[upstream.main]
servers = ["{address}"]
[route.read]
match = {{ path = "/a", methods = ["GET"] }}
upstream = "main"
cors = "own"
[route.write]
match = {{ path = "/a", methods = ["PUT"] }}
upstream = "main"
[route.versioned]
match = {{ path = "/v", methods = ["GET"], headers = {{ X-Version = "2" }} }}
upstream = "main"
cors = "own"
[route.options]
match = {{ path = "/o", methods = ["OPTIONS"] }}
upstream = "main"
[route.moved]
match = {{ path = "/moved", methods = ["GET"] }}
redirect = {{ to = "/a" }}
cors = "own"
"""


def test_a_preflight_goes_where_its_request_would_go(gateway, upstream):
    behind = upstream()
    one = gateway(settings(more=METHODS.format(address=behind.address)))

    def preflight(path, method, headers="x-a"):
        return one.ask("OPTIONS", path, [("Origin", APP), ("Access-Control-Request-Method", method),
                                         ("Access-Control-Request-Headers", headers)])
    assert allows(preflight("/a", "GET"))["allow-methods"] == "GET"
    assert allows(preflight("/moved", "GET"))["allow-methods"] == "GET"
    # The route of PUT has no cors; nobody takes DELETE, and the answer says what is taken.
    assert_problem(preflight("/a", "PUT"), 405, "method_not_allowed")
    assert allows(preflight("/a", "DELETE"))["allow-methods"] == "GET"
    assert allows(preflight("/a", "NONSENSE"))["allow-methods"] == "GET"
    # A condition on a field that is only announced yet.
    assert preflight("/v", "GET", "x-a, x-version").status == 204
    assert_problem(preflight("/v", "GET"), 404, "no_route")
    assert_problem(preflight("/nowhere", "GET"), 404, "no_route")
    assert behind.requests == []
    # An upstream that answers its own preflights gets them.
    assert preflight("/o", "OPTIONS").status == 200
    # What only looks like one is none: 405 as ever, and marked.
    response = one.ask("OPTIONS", "/a", [("Origin", APP)])
    assert_problem(response, 405, "method_not_allowed")
    assert allows(response) == {"allow-origin": APP}
    assert len(behind.requests) == 1


def test_explain_shows_the_preflights_answer(api):
    one, _ = api
    out = subprocess.run([BINARY, "explain", "-c", one.config, "OPTIONS", "/a",
                          *(argument for name, value in PREFLIGHT for argument in ("-H", f"{name}: {value}"))],
                         capture_output=True, text=True, timeout=60).stdout
    assert "route all answers this preflight" in out, out
    assert f"1. cors: web (GET, PUT for pages of {APP})" in out
    assert f"Access-Control-Allow-Origin: {APP}" in out


# ---- A real browser

class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<title>page</title>")

    def log_message(self, *_):
        pass


@pytest.fixture
def pages():
    """A web server for pages; any host name of the loopback interface is an origin. gives: its port"""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


@pytest.fixture
def browser():
    if not (CHROMIUM and DRIVER):
        pytest.skip("no chromium and chromedriver (Debian: chromium, chromium-driver)")
    one = Browser()
    yield one
    one.close()


@pytest.mark.plain_build   # the browser is what takes the time
def test_chromium_agrees(gateway, upstream, browser, pages):
    behind = upstream(answer(fields=[("X-Total", "7"), ("X-Hidden", "8")]))
    one = gateway(settings(behind, route=ROUTE, more=CORS.replace(
        f'["{APP}"]', f'["http://127.0.0.1:{pages}", "http://*.partner.localhost:{pages}"]')))
    url = f"http://127.0.0.1:{one.port}/orders"
    key = {"X-Api-Key": KEY}

    for host in ("127.0.0.1", "app.partner.localhost"):
        browser.open(f"http://{host}:{pages}/")
        got = browser.fetch(url, headers=key)
        assert (got["status"], got["text"]) == (200, "hello")
        assert got["headers"]["x-total"] == "7" and "x-hidden" not in got["headers"]
        assert browser.fetch(url, method="PUT", headers=key, body="x")["status"] == 200
        refused = browser.fetch(url)   # readable: the page learns why
        assert refused["status"] == 401 and "credentials_missing" in refused["text"]
        assert browser.fetch(url, method="DELETE", headers=key) == {"error": "TypeError"}
        assert browser.fetch(url, headers={**key, "X-Other": "1"}) == {"error": "TypeError"}
    served = len(behind.requests)
    assert {request.method for request in behind.requests} == {"GET", "PUT"}

    for host in ("localhost", "partner.localhost"):
        browser.open(f"http://{host}:{pages}/")
        assert browser.fetch(url, headers=key) == {"error": "TypeError"}
    assert len(behind.requests) == served   # stopped by their preflights

    browser.open(f"http://127.0.0.1:{pages}/")
    behind.stop()
    assert browser.fetch(url, headers=key)["status"] == 502


@pytest.mark.plain_build
def test_chromium_sends_tokens_and_cookies_and_reads_what_a_limit_says(gateway, upstream, browser, pages, tmp_path):
    key = Key(tmp_path, "k1")
    (tmp_path / "set.json").write_text(key_set(key))
    behind = upstream()
    one = gateway(settings(behind, route='auth = ["customers"]\ncors = "web"\nlimit = ["few"]', more=f"""
[cors.web]
origins = ["http://127.0.0.1:{pages}"]
methods = ["GET"]
headers = ["Authorization"]
expose = ["RateLimit", "RateLimit-Policy", "Retry-After"]
credentials = true
[auth.customers]
type = "jwt"
issuer = "https://id.example"
audience = "orders"
jwks_file = "{tmp_path}/set.json"
cookie = "session"
[limit.few]
key = "identity"
rate = "3/1h"
burst = 3
"""))
    url, token = f"http://127.0.0.1:{one.port}/orders", Issuer().token(key)
    browser.open(f"http://127.0.0.1:{pages}/")
    assert browser.fetch(url)["status"] == 401
    assert browser.fetch(url, headers={"Authorization": f"Bearer {token}"})["status"] == 200    # after a preflight
    browser.run("document.cookie = arguments[0]; arguments[1]()", f"session={token}")
    assert browser.fetch(url)["status"] == 401      # a page of another origin must say that cookies go along
    seen = [browser.fetch(url, credentials="include") for _ in range(3)]
    assert [got["status"] for got in seen] == [200, 200, 429]
    assert not any(request.has("Cookie") or request.has("Authorization") for request in behind.requests)
    assert seen[0]["headers"]["ratelimit"].startswith('"few";r=1')
    refused = seen[2]["headers"]
    assert int(refused["retry-after"]) > 0 and refused["ratelimit-policy"] == '"few";q=3;w=3600'
    assert "rate_limited" in seen[2]["text"]

    browser.open(f"http://localhost:{pages}/")      # an origin that is not on the list
    assert browser.fetch(url, credentials="include") == {"error": "TypeError"}

"""WebSockets of pages in a real browser, plain and over TLS, to a route that looks at messages: compression is agreed on
through the gateway, credentials are tickets or stand among the subprotocols, and pages from elsewhere open none."""
import json

import pytest
from support.browser import CHROMIUM, DRIVER, Browser
from support.gateway import settings
from support.issuer import Issuer, Key, key_set
from support.timing import wait_until
from test_websocket_peers import Peer

pytestmark = [pytest.mark.plain_build,   # the browser is what takes the time
              pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="no chromium and chromedriver")]
LIVE = """
[listen.secure]
address = "127.0.0.1:@tls@"
tls = "site"
protocols = {protocols}
[tls.site]
certificates = [{{ cert = "{cert}", key = "{key}" }}]
[upstream.main]
servers = ["{address}"]
[auth.customers]
type = "jwt"
issuer = "https://id.example"
audience = "orders"
jwks_file = "{folder}/set.json"
subprotocol = "bearer"
[auth.sockets]
type = "ticket"
query = "ticket"
[cors.pages]
origins = ["http://localhost:@port@", "https://localhost:@tls@"]
[route.page]
match = {{ path = "/page" }}
respond = {{ status = 200, body = "<p>", headers = {{ Content-Type = "text/html" }} }}
[route.ticket]
match = {{ path = "/ticket", methods = ["POST"] }}
auth = ["customers"]
ticket = "sockets"
cors = "pages"
[route.live]
match = {{ path = "/live", upgrade = "websocket" }}
upstream = "main"
auth = ["sockets", "customers"]
cors = "pages"
[route.live.websocket]
max_message = "64KiB"
compression = "pass"
message_types = {{ field = "type", allow = ["say"] }}
"""
# A page's socket that says each of these messages when the one before has come back, and how it ended.
SOCKET = """
const [url, protocols, messages, done] = arguments;
const socket = new WebSocket(url, protocols), lengths = [];
let failed = false;
const say = () => messages.length ? socket.send(messages.shift()) : socket.close(4001);
socket.onopen = say;
socket.onmessage = event => { lengths.push(event.data.length); say(); };
socket.onerror = () => { failed = true; };
socket.onclose = event => done({ lengths, failed, code: event.code, reason: event.reason, protocol: socket.protocol,
                                 extensions: socket.extensions });
"""


@pytest.fixture
def asked():
    """Paths that the upstream was asked for a socket at."""
    return []


@pytest.fixture
def peer(asked):
    async def note(path, _):
        asked.append(path)
    one = Peer(subprotocols=["chat"], max_size=None, process_request=note)
    yield one
    one.stop()


@pytest.fixture
def browser():
    one = Browser("--ignore-certificate-errors")
    yield one
    one.close()


def saying(size, kind="say"):
    return json.dumps({"type": kind, "text": "x" * size})


@pytest.mark.parametrize("secure, protocols, version", [
    ("", ["h1"], "HTTP/1.1"), ("s", ["h1"], "HTTP/1.1"), ("s", ["h1", "h2"], "HTTP/2")], ids=["ws", "wss", "wss_over_h2"])
def test_chromium_opens_sockets_with_what_a_page_has(gateway, browser, peer, asked, authority, tmp_path, secure, protocols,
                                                     version):
    key = Key(tmp_path, "k1")
    (tmp_path / "set.json").write_text(key_set(key))
    cert, private = authority.leaf("localhost")
    one = gateway(settings(log_access="query = true", more=LIVE.format(
        address=peer.address, folder=tmp_path, protocols=json.dumps(protocols), cert=cert, key=private)))
    port = one.tls if secure else one.port
    token, url = Issuer().token(key), f"ws{secure}://localhost:{port}/live"

    def opened(target, protocols, *messages):
        return browser.run(SOCKET, target, protocols, messages)

    def refused(target, protocols):
        """The page sees an error and nothing more, the upstream nothing at all."""
        before, got = len(asked), opened(target, protocols, saying(0))
        assert (got["lengths"], got["failed"], got["code"], got["reason"]) == ([], True, 1006, "")
        assert len(asked) == before
    browser.open(f"http{secure}://localhost:{port}/page")
    told = browser.fetch("/ticket", method="POST", headers={"Authorization": f"Bearer {token}"})
    with_ticket = f"{url}?ticket={json.loads(told['text'])['ticket']}"
    messages = [saying(60_000), saying(0), saying(0, "shout")]
    got = opened(with_ticket, [], *messages)
    assert got["lengths"] == [len(message) for message in messages[:2]]
    assert (got["code"], got["reason"]) == (1008, "message type not allowed")
    assert got["extensions"].startswith("permessage-deflate")
    refused(with_ticket, [])                                  # a ticket opens one socket

    got = opened(url, ["chat", f"bearer.{token}"], saying(0))
    assert (got["lengths"], got["code"], got["protocol"]) == ([len(saying(0))], 4001, "chat")
    got = opened(url, ["chat", f"bearer.{token}"], saying(70_000))
    assert (got["code"], got["reason"]) == (1009, "message too large")   # few bytes on the wire: what it inflates to counts
    refused(url, ["chat"])
    assert asked == ["/live"] * 3                             # no ticket goes there

    browser.open(f"http{secure}://127.0.0.1:{port}/page")     # the same page by another name
    refused(url, ["chat", f"bearer.{token}"])

    def live():
        return [line for line in one.access_log() if line["path"] == "/live"]
    wait_until(lambda: len(live()) == 9, "two records of each socket that opened and one of each that did not")
    ends = {line["closed"]: line for line in live() if "closed" in line}
    assert set(ends) == {"message_type", "client", "message_size"}
    assert {line["version"] for line in ends.values()} == {version}
    assert ends["message_type"]["request_bytes"] < 1000 > ends["message_size"]["request_bytes"]
    problems = [line["problem"] for line in live() if "problem" in line]
    assert problems == ["ticket_unknown", "credentials_missing", "origin_denied"]
    logs = "".join(one.raw_access_log()) + one.error_log()
    assert token not in logs and with_ticket.rpartition("=")[2] not in logs

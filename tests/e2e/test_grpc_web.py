"""gRPC-Web: binary and text, over HTTP/1.1 and HTTP/2, before a real gRPC server; and from a real browser."""
import base64
import struct
import time

import pytest
from support.client import Client, request
from support.gateway import run_command, settings
from support.grpc_peer import DETAILS, Service
from support.h2_client import H2Client
from support.timing import DEADLINE_SECONDS, SLOW, wait_until
from test_api_keys import KEY, sha256
from test_cors import browser, pages   # noqa: F401  fixtures

pytestmark = pytest.mark.threads
APP = "https://app.example"
BINARY, TEXT = "application/grpc-web+proto", "application/grpc-web-text"


def config_of(service, origins=f'"{APP}"', listen='protocols = ["h1", "h2c"]'):
    return settings(service, listen=listen, upstream='protocol = "h2c"',
                    route='auth = "none"\ncors = "web"\ngrpc_web = true\nlimits = { body = "20MiB" }', more=f"""
[cors.web]
origins = [{origins}]
headers = ["Content-Type", "X-Grpc-Web", "X-User-Agent", "Grpc-Timeout"]
[consumer.acme]
keys = [{{ id = "k1", sha256 = "{sha256(KEY)}" }}]
[auth.partners]
type = "api_key"
[route.closed]
match = {{ path = "/closed.Service/{{method}}" }}
upstream = "main"
auth = ["partners"]
cors = "web"
grpc_web = true
[route.plain]
match = {{ path = "/plain.Service/{{method}}" }}
rewrite = {{ path = "/test.Peer/{{method}}" }}
upstream = "main"
auth = "none"
[route.slow]
match = {{ path = "/slow.Service/{{method}}" }}
rewrite = {{ path = "/test.Peer/{{method}}" }}
upstream = "main"
auth = "none"
grpc_web = true
timeout = {{ body = "200ms" }}
""").replace('path = "/**"', 'path = "/test.Peer/{method}"')


@pytest.fixture(scope="module")
def service():
    one = Service()
    yield one
    one.stop()


@pytest.fixture(scope="module")
def site(shared_gateway, service):
    return shared_gateway(config_of(service))


def frame(message, flags=0):
    return struct.pack(">BI", flags, len(message)) + message


def frames(body):
    """gives: the messages, and the trailers as a dictionary; None when there are none"""
    messages, trailers = [], None
    while body:
        flags, size = struct.unpack(">BI", body[:5])
        assert trailers is None and len(body) >= 5 + size, body
        if flags == 0x80:
            lines = body[5:5 + size].decode().removesuffix("\r\n").split("\r\n")
            trailers = dict(line.split(": ", 1) for line in lines)
            assert all(name == name.lower() for name in trailers)
        else:
            messages.append(body[5:5 + size])
        body = body[5 + size:]
    return messages, trailers


def plain(text):
    """What padded pieces of base64 that follow each other decode to."""
    assert len(text) % 4 == 0
    return b"".join(base64.b64decode(text[at:at + 4], validate=True) for at in range(0, len(text), 4))


class Answer:
    def __init__(self, head, body, type):
        self.get, self.type = head, head("content-type")
        assert self.type.startswith(type.split("+")[0]), self.type
        self.messages, self.trailers = frames(plain(bytes(body)) if "text" in type else bytes(body))


def call(port, http, method, body, type=BINARY, fields=(), service="test.Peer", answer=None):
    """One call. `body`: bytes as they are on the wire"""
    fields = [("content-type", type), ("x-grpc-web", "1"), ("x-user-agent", "grpc-web-javascript/0.1"), *fields]
    path = f"/{service}/{method}"
    if http == "h1":
        with Client(port) as client:
            response = client.ask("POST", path, fields, body)
            assert response.status == 200, response
            return Answer(response.get, response.body, answer or type)
    with H2Client(port) as client:
        reply = client.ask("POST", path, fields, body)
        assert reply.status == 200 and reply.whole and not reply.trailers, reply
        return Answer(reply.get, reply.body, answer or type)


HTTP = pytest.mark.parametrize("http", ["h1", "h2"])
FORMS = pytest.mark.parametrize("type", [BINARY, TEXT, "application/grpc-web", "application/grpc-web-text+proto"])


def written(type, data):
    return base64.b64encode(data) if "text" in type else data


@HTTP
@FORMS
def test_one_message_to_one(site, service, http, type):
    for message in (b"", b"hi", bytes(range(256)) * 1000):
        answer = call(site.port, http, "Echo", written(type, frame(message)), type)
        assert answer.messages == [message] and answer.trailers["grpc-status"] == "0"
        assert answer.type.split("+")[0] == type.split("+")[0]
    assert not {"x-grpc-web", "x-user-agent", "accept"} & set(service.metadata)


@HTTP
@FORMS
def test_one_message_to_many_and_none(site, http, type):
    answer = call(site.port, http, "Count", written(type, frame(b"500")), type)
    assert answer.messages == [b"%d" % n for n in range(500)] and answer.trailers["grpc-status"] == "0"
    answer = call(site.port, http, "Count", written(type, frame(b"0")), type)
    assert answer.messages == []
    assert (answer.trailers or {"grpc-status": answer.get("grpc-status")})["grpc-status"] == "0"


@HTTP
@FORMS
def test_metadata_and_refusals_of_the_server(site, http, type):
    answer = call(site.port, http, "Greet", written(type, frame(b"x")), type)
    assert answer.get("x-first") == "1" and answer.trailers["x-last"] == "2"
    assert base64.b64decode(answer.trailers["x-last-bin"] + "==") == b"\xfe\x00"
    answer = call(site.port, http, "Break", written(type, frame(b"x")), type)
    assert answer.messages == [b"x", b"x"] and answer.trailers["grpc-status"] == "15"
    answer = call(site.port, http, "Refuse", written(type, frame(b"")), type)      # trailers only: in the head
    assert answer.messages == [] and answer.trailers is None
    assert answer.get("grpc-status") == "5" and answer.get("grpc-message") == "kein Ger%C3%A4t: 100 %25"
    assert base64.b64decode(answer.get("grpc-status-details-bin") + "==") == DETAILS


@HTTP
def test_text_in_padded_pieces_cut_anywhere(site, http):
    body = b"".join(base64.b64encode(part) for part in (frame(b"hello")[:1], frame(b"hello")[1:5], b"he", b"llo"))
    if http == "h2":
        assert call(site.port, http, "Echo", body, TEXT).messages == [b"hello"]
        return
    chunks = [body[at:at + 1] for at in range(len(body))]
    with Client(site.port) as client:
        client.send_in_steps(request("POST", "/test.Peer/Echo", [("Content-Type", TEXT)], chunks=chunks), 5)
        response = client.response("POST")
    assert Answer(response.get, response.body, TEXT).messages == [b"hello"]


@HTTP
def test_the_answer_is_of_the_kind_that_is_accepted(site, http):
    accept = [("accept", f"{TEXT}, */*;q=0.1")]
    assert call(site.port, http, "Echo", frame(b"a"), BINARY, accept, answer=TEXT).messages == [b"a"]
    accept = [("accept", BINARY)]
    assert call(site.port, http, "Echo", written(TEXT, frame(b"a")), TEXT, accept, answer=BINARY).messages == [b"a"]


@HTTP
@pytest.mark.parametrize("body", [b"AAAA*AAA", b"QUJ", b"Q===", "é".encode()])
def test_what_is_no_base64_is_refused(site, http, body):
    answer = call(site.port, http, "Echo", body, TEXT)
    assert answer.get("grpc-status") == "13" and answer.messages == []
    assert answer.get("grpc-message") == "Malformed gRPC-Web Body"
    line = wait_until(lambda: [each for each in site.access_log() if each["request_id"] == answer.get("x-request-id")],
                      "its line")[0]
    assert line["problem"] == "bad_grpc_web_body"


@HTTP
@FORMS
def test_the_gateways_own_refusals(site, service, http, type):
    answer = call(site.port, http, "Echo", written(type, frame(b"a")), type, [("origin", APP)], service="closed.Service")
    assert answer.get("grpc-status") == "16" and answer.get("grpc-message") and answer.messages == []
    assert answer.get("access-control-allow-origin") == APP
    assert "grpc-status" in answer.get("access-control-expose-headers")
    assert "/closed.Service/Echo" not in service.asked


@HTTP
def test_each_message_is_passed_on_at_once(site, service, http):
    service.started.clear()
    service.cancelled.clear()
    if http == "h1":
        with Client(site.port) as client:
            client.send(request("POST", "/test.Peer/Tick", [("Content-Type", TEXT)], written(TEXT, frame(b"now"))))
            want, got = base64.b64encode(frame(b"now")), b""
            while want not in got:
                got += client.socket.recv(65536)
            client.reset()
    else:
        with H2Client(site.port) as client:
            stream = client.begin("POST", "/test.Peer/Tick", [("content-type", BINARY)], end=False)
            client.send_body(stream, frame(b"now"))
            client.wait(lambda: client.replies[stream].body == frame(b"now"), "the first message")
    assert service.cancelled.wait(DEADLINE_SECONDS)      # who goes away cancels


def test_a_deadline_holds_for_pages_too(site, service):
    service.cancelled.clear()
    began = time.monotonic()
    answer = call(site.port, "h1", "Hang", frame(b""), BINARY, [("Grpc-Timeout", "200m")])
    assert answer.get("grpc-status") == "4" and time.monotonic() - began < 2 * SLOW
    assert service.cancelled.wait(DEADLINE_SECONDS)


def test_an_answer_that_breaks_off_is_not_taken_for_a_whole_one(site):
    with H2Client(site.port) as client:
        reply = client.ask("POST", "/slow.Service/Tick", [("content-type", BINARY)], frame(b"now"))
        assert reply.reset is not None and not reply.whole


def test_elsewhere_it_is_a_request_like_any(site):
    with H2Client(site.port) as client:
        reply = client.ask("POST", "/plain.Service/Echo", [("content-type", BINARY)], frame(b"a"))
        assert not reply.body and not reply.trailers       # passed on as it is, and the server knows nothing of it
        native = [("content-type", "application/grpc"), ("te", "trailers")]
        reply = client.ask("POST", "/test.Peer/Echo", native, frame(b"a"))
        assert reply.body == frame(b"a") and dict(reply.trailers)["grpc-status"] == "0"


def test_calls_are_counted_and_logged_as_grpcs(gateway, service):
    one = gateway(config_of(service))
    call(one.port, "h1", "Refuse", frame(b""))
    call(one.port, "h2", "Echo", written(TEXT, frame(b"")), TEXT)
    assert sorted(line["grpc_status"] for line in one.access_log(2)) == [0, 5]
    for method, code in (("Refuse", "NOT_FOUND"), ("Echo", "OK")):
        one.wait_for_metric(1, "sluice_grpc_requests_total", route="all", service="test.Peer", method=method, code=code)


def test_a_preflight_and_explain(site):
    with Client(site.port) as client:
        response = client.ask("OPTIONS", "/test.Peer/Echo", [("Origin", APP), ("Access-Control-Request-Method", "POST"),
                                                             ("Access-Control-Request-Headers", "content-type,x-grpc-web")])
    assert response.status == 204 and "X-Grpc-Web" in response.get("Access-Control-Allow-Headers")
    done = run_command("explain", "-c", site.config, "POST", "/test.Peer/Echo", "-H", f"Content-Type: {TEXT}",
                       "-H", "X-Grpc-Web: 1", "-H", "Grpc-Timeout: 2S")
    assert "gRPC-Web in base64" in done.stdout and "application/grpc\n" in done.stdout and "x-grpc-web" not in done.stdout.split("upstream request:")[1].lower()


# A page that makes a call and reads its answer piece by piece; with as much of it as was sent, it asks Open and reads on.
PAGE = """
const [service, method, type, body, done] = arguments;
const call = method => fetch(service + method, {
  method: "POST", headers: { "Content-Type": type, "X-Grpc-Web": "1" }, body: new Uint8Array(body) });
const read = async () => {
  const response = await call(method), reader = response.body.getReader(), bytes = [];
  let asked = false;
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    bytes.push(...piece.value);
    if (asked || bytes.length < body.length) continue;
    asked = true;
    await (await call("Open")).arrayBuffer();
  }
  return { status: response.status, headers: Object.fromEntries(response.headers), bytes };
};
read().then(done, error => done({ error: error.name }));
"""


@pytest.mark.plain_build   # the browser is what takes the time
def test_chromium_agrees(gateway, service, browser, pages):   # noqa: F811
    one = gateway(config_of(service, f'"http://127.0.0.1:{pages}"'))
    browser.open(f"http://127.0.0.1:{pages}/")

    def called(method, type, package="test.Peer"):
        """gives: the status, and the answer as the page has read it"""
        body = written(type, frame(b"from a page"))
        got = browser.run(PAGE, f"http://127.0.0.1:{one.port}/{package}/", method, type, list(body))
        return got["status"], Answer(got["headers"].get, got["bytes"], type)

    for type in (BINARY, TEXT):
        for method, messages in (("Echo", 1), ("Gate", 2)):     # the second message is sent when the page has the first
            service.opened.clear()
            status, answer = called(method, type)
            assert (status, answer.messages) == (200, [b"from a page"] * messages), (method, type)
            assert answer.trailers["grpc-status"] == "0"
        status, answer = called("Echo", type, package="closed.Service")
        assert (status, answer.get("grpc-status"), answer.messages) == (200, "16", [])

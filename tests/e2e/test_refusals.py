"""What two parsers could read differently is refused, never repaired; every refusal is a problem
with its code."""
import pytest
from support.client import ask, request
from support.gateway import settings
from support.problem import TYPE_BASE, assert_problem

ONLY = '[route.only]\nmatch = { path = "/only" }\nrespond = { status = 204 }'
HOST = b"Host: a\r\n"
LIMITS = 'limits = { line = "256B", header = "1KiB", headers = 10, body = "1KiB" }'


def get(fields=b"", line=b"GET / HTTP/1.1"):
    return line + b"\r\n" + HOST + fields + b"\r\n"


def post(fields, body=b""):
    return b"POST / HTTP/1.1\r\n" + HOST + fields + b"\r\n" + body


CHUNKED = b"Transfer-Encoding: chunked\r\n"

REFUSED = [
    # the request line
    (505, "http_0_9", b"GET /\r\n\r\n"),
    (505, "http_2_in_http_1", get(line=b"GET / HTTP/2.0")),
    (505, "http_1_2", get(line=b"GET / HTTP/1.2")),
    (400, "lower_case_version", get(line=b"GET / http/1.1")),
    (400, "two_spaces", get(line=b"GET  / HTTP/1.1")),
    (400, "space_at_the_end", get(line=b"GET / HTTP/1.1 ")),
    (400, "tab_for_space", get(line=b"GET\t/ HTTP/1.1")),
    (400, "no_slash", get(line=b"GET path HTTP/1.1")),
    (400, "asterisk_for_get", get(line=b"GET * HTTP/1.1")),
    (400, "fragment", get(line=b"GET /a#b HTTP/1.1")),
    (400, "high_byte_in_target", get(line=b"GET /\xe9 HTTP/1.1")),
    (400, "control_byte_in_target", get(line=b"GET /\x01 HTTP/1.1")),
    (400, "bare_lf_after_request_line", b"GET / HTTP/1.1\n" + HOST + b"\r\n"),
    (501, "unknown_method", get(line=b"BREW / HTTP/1.1")),
    (501, "connect", get(line=b"CONNECT a:443 HTTP/1.1")),
    # fields
    (400, "no_host", b"GET / HTTP/1.1\r\n\r\n"),
    (400, "two_hosts", get(HOST)),
    (400, "bad_host", b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    (400, "user_in_host", b"GET / HTTP/1.1\r\nHost: me@a\r\n\r\n"),
    (400, "space_before_colon", get(b"X : 1\r\n")),
    (400, "no_colon", get(b"X\r\n")),
    (400, "empty_name", get(b": x\r\n")),
    (400, "folded_line", get(b"X: 1\r\n 2\r\n")),
    (400, "bare_lf", get(b"X: 1\nY: 2\r\n")),
    (400, "bare_cr", get(b"X: 1\rY: 2\r\n")),
    (400, "nul_in_value", get(b"X: a\x00b\r\n")),
    (400, "control_in_value", get(b"X: a\x07b\r\n")),
    (400, "high_byte_in_name", get(b"X\xff: 1\r\n")),
    # framing
    (400, "length_and_chunked", post(b"Content-Length: 3\r\n" + CHUNKED, b"0\r\n\r\n")),
    (400, "chunked_and_length", post(CHUNKED + b"Content-Length: 3\r\n", b"0\r\n\r\n")),
    (400, "two_lengths", post(b"Content-Length: 3\r\nContent-Length: 3\r\n", b"abc")),
    (400, "list_of_lengths", post(b"Content-Length: 3, 3\r\n", b"abc")),
    (400, "signed_length", post(b"Content-Length: +3\r\n", b"abc")),
    (400, "negative_length", post(b"Content-Length: -3\r\n", b"abc")),
    (400, "hex_length", post(b"Content-Length: 0x3\r\n", b"abc")),
    (400, "empty_length", post(b"Content-Length: \r\n", b"abc")),
    (400, "leading_zero_length", post(b"Content-Length: 03\r\n", b"abc")),
    (400, "length_beyond_64_bits", post(b"Content-Length: 18446744073709551616\r\n", b"abc")),
    (400, "empty_transfer_encoding", post(b"Transfer-Encoding: \r\nContent-Length: 3\r\n", b"abc")),
    (400, "chunked_twice", post(CHUNKED * 2, b"0\r\n\r\n")),
    (400, "chunked_with_parameter", post(b"Transfer-Encoding: chunked;q=1\r\n", b"0\r\n\r\n")),
    (400, "chunked_not_last", post(b"Transfer-Encoding: chunked, gzip\r\n", b"0\r\n\r\n")),
    (501, "gzip_coding", post(b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n")),
    (400, "chunked_in_http_1_0", b"POST / HTTP/1.0\r\n" + HOST + CHUNKED + b"\r\n0\r\n\r\n"),
    (400, "underscore_length", post(b"Content_Length: 3\r\n")),
    (400, "chunk_size_empty", post(CHUNKED, b"\r\n")),
    (400, "chunk_size_with_prefix", post(CHUNKED, b"0x3\r\nabc\r\n0\r\n\r\n")),
    (400, "chunk_size_with_space", post(CHUNKED, b"3 \r\nabc\r\n0\r\n\r\n")),
    (400, "chunk_size_of_17_digits", post(CHUNKED, b"10000000000000003\r\nabc\r\n")),
    (400, "chunk_line_with_bare_lf", post(CHUNKED, b"3\nabc\r\n0\r\n\r\n")),
    (400, "chunk_data_too_long", post(CHUNKED, b"3\r\nabcd\r\n0\r\n\r\n")),
    (400, "chunk_end_with_bare_lf", post(CHUNKED, b"3\r\nabc\n0\r\n\r\n")),
    # limits
    (414, "line_too_long", get(line=b"GET /" + b"a" * 300 + b" HTTP/1.1")),
    (431, "one_field_too_large", get(b"X: " + b"a" * 2000 + b"\r\n")),
    (431, "fields_too_large_together", get(b"X-Header-Name: " + b"a" * 150 + b"\r\n") [:-2] +
     (b"X-Header-Name: " + b"a" * 150 + b"\r\n") * 7 + b"\r\n"),
    (431, "too_many_fields", get(b"X: 1\r\n" * 20)),
    (413, "body_too_large", post(b"Content-Length: 5000\r\n")),
    (413, "chunked_body_too_large", post(CHUNKED,
                                         (b"100\r\n" + b"a" * 256 + b"\r\n") * 8 + b"0\r\n\r\n")),
    (417, "unknown_expectation", get(b"Expect: the-unexpected\r\n")),
]
IDS = [name for _, name, _ in REFUSED]
# After these nobody knows where the next message would begin: the connection must end.
FRAMING = IDS[IDS.index("length_and_chunked"):IDS.index("line_too_long")]


@pytest.mark.parametrize("status, name, data", REFUSED, ids=IDS)
def test_refused_whole_and_byte_by_byte_alike(proxied, status, name, data):
    gateway, upstream = proxied(listen=LIMITS)
    codes = set()
    for step in (len(data), 1):
        with gateway.client() as client:
            try:
                client.send_in_steps(data, step)
            except OSError:
                pass   # refused before its last byte: the answer is there all the same
            answered = client.response()
            codes.add(assert_problem(answered, status)["code"])
            if name in FRAMING:
                assert answered.get("Connection", "").lower() == "close"
    assert len(codes) == 1, codes
    # a chunked body may have begun to flow before its fault was seen, but it never became a whole
    # request
    assert all(not one.done.is_set() for one in upstream.requests)


def test_a_request_behind_a_refused_one_is_not_read(proxied):
    gateway, upstream = proxied()
    with gateway.client() as client:
        client.send(post(b"Content-Length: 3\r\n" + CHUNKED,
                         b"0\r\n\r\n") + request(target="/smuggled"))
        assert client.response().status == 400
        assert client.is_closed()
    assert upstream.requests == []


def test_refused_by_size_the_client_still_reads_why(proxied):
    """Close with linger: the bytes on their way must not turn the answer into a reset."""
    gateway, _ = proxied(listen=LIMITS)
    for _ in range(10):
        with gateway.client() as client:
            client.send(post(b"Content-Length: 500000\r\n", bytes(500_000)))
            assert_problem(client.response(), 413)


def test_the_body_limit_is_a_routes_too(proxied):
    gateway, _ = proxied(route='limits = { body = "10B" }')
    assert gateway.ask("POST", body=bytes(10)).status == 200
    assert_problem(gateway.ask("POST", body=bytes(11)), 413)


def test_limits_let_pass_what_just_fits(proxied):
    gateway, upstream = proxied(listen=LIMITS)
    assert gateway.ask("POST", body=bytes(1024)).status == 200
    assert gateway.ask("POST", chunks=[bytes(512), bytes(512)]).status == 200
    line = "/" + "a" * (256 - len("GET / HTTP/1.1"))
    assert gateway.ask(target=line).status in (200, 414)   # whether the CRLF counts is not promised
    assert gateway.ask(target=line[:-4]).status == 200
    assert len(upstream.requests) >= 3


@pytest.mark.parametrize("accept, content_type", [
    ("application/json", "application/problem+json"),
    ("*/*", "application/problem+json"),
    ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),
    ("text/plain", "text/plain"),
    ("text/html;q=0.1, application/json", "application/problem+json"),
])
def test_the_form_of_a_problem_follows_accept(gateway, accept, content_type):
    one = gateway(settings(more=ONLY))
    answered = one.ask(fields=[("Accept", accept)])
    assert answered.status == 404
    assert answered.get("Content-Type").split(";")[0] == content_type
    assert answered.body


def test_a_problem_names_its_request(proxied):
    gateway, _ = proxied(listen=LIMITS)
    first = assert_problem(gateway.ask(target="/" + "a" * 300), 414)
    second = assert_problem(gateway.ask(target="/" + "a" * 300), 414)
    assert first["instance"] != second["instance"]
    assert first["type"].startswith(TYPE_BASE)


def test_head_of_a_problem_has_no_body(gateway):
    one = gateway(settings(more=ONLY))
    with one.client() as client:
        assert client.ask("HEAD").status == 404
        assert client.ask("GET", "/only").status == 204


def test_new_work_beyond_connections_max_is_503_and_health_still_answers(proxied):

    gateway, _ = proxied(server="connections_max = 4")
    held = [gateway.client() for _ in range(4)]
    for client in held:
        assert client.ask().status == 200
    answered = gateway.ask()
    assert_problem(answered, 503)
    assert answered.get("Retry-After")
    assert ask(gateway.admin, target="/healthz").status == 200
    for client in held:
        assert client.ask().status == 200

"""Bodies stream both ways, whatever their framing; nothing is lost, added or taken for another
message."""
import hashlib
import http.client
import threading
import time

import pytest
from support.client import DEADLINE_SECONDS, request
from support.problem import assert_problem
from support.upstream import answer, early, in_turn, raw, response

MEGABYTE = 1 << 20


def echo(connection, received):
    connection.send(response(body=received.body))


def framing(message, chunks):
    """Chunked stays chunked; a body known to be empty may say so."""
    if not chunks and message.get("Content-Length") == "0":
        return not message.has("Transfer-Encoding")
    return message.get("Transfer-Encoding") == "chunked" and not message.has("Content-Length")


def pattern(size):
    """Bytes in which every shift shows."""
    block = b"".join(b"%07d\n" % number for number in range(size // 8 + 1))
    return block[:size]


@pytest.mark.parametrize("size", [0, 1, 100, 65_535, 65_536, 65_537, 300_000])
def test_bodies_of_known_length_pass_both_ways(proxied, size):
    gateway, upstream = proxied(echo)
    assert gateway.ask("POST", body=pattern(size)).body == pattern(size)
    assert upstream.last.get("Content-Length") == str(size)


@pytest.mark.parametrize("chunks", [[], [b"a"], [b"abc", b"d" * 5000, b"e"], [pattern(200_000)],
                                    [b"x"] * 500])
def test_chunked_requests_stay_chunked(proxied, chunks):
    gateway, upstream = proxied(echo)
    assert gateway.ask("POST", chunks=chunks).body == b"".join(chunks)
    assert framing(upstream.last, chunks)


@pytest.mark.parametrize("chunks", [[], [b"a"], [b"abc", b"d" * 5000, b"e"], [pattern(200_000)],
                                    [b"x"] * 500])
def test_chunked_responses_stay_chunked(proxied, chunks):
    gateway, _ = proxied(answer(body=b"", chunks=chunks))
    with gateway.client() as client:
        answered = client.ask()
        assert answered.body == b"".join(chunks)
        assert framing(answered, chunks)
        assert client.ask().status == 200


def test_chunk_extensions_and_odd_sizes_are_read(proxied):
    gateway, upstream = proxied(echo)
    with gateway.client() as client:
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                    b"00003;name=value;flag\r\nabc\r\nA\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n")
        assert client.response().body == b"abc" + b"0123456789" * 2
    assert b"name=value" not in upstream.last.raw


def test_response_without_length_becomes_chunked(proxied):
    gateway, _ = proxied(raw(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"z" * 5000,
                             then="close"))
    with gateway.client() as client:
        answered = client.ask()
        assert answered.get("Transfer-Encoding") == "chunked"
        assert answered.body == b"z" * 5000
        assert client.ask().status == 200


def test_announced_request_trailers_pass(proxied):
    gateway, upstream = proxied(echo)
    assert gateway.ask("POST", fields=[("Trailer", "X-Sum")], chunks=[b"abc"],
                       trailers=[("X-Sum", "1")]).status == 200
    assert upstream.last.trailers == [("X-Sum", "1")]


def test_announced_response_trailers_pass_to_whom_takes_them(proxied):
    gateway, _ = proxied(answer(body=b"", fields=[("Trailer", "X-Sum")], chunks=[b"abc"],
                                trailers=[("X-Sum", "1")]))
    with gateway.client() as client:
        answered = client.ask(fields=[("TE", "trailers"), ("Connection", "TE")])
        assert (answered.body, answered.trailers) == (b"abc", [("X-Sum", "1")])


@pytest.mark.parametrize("name", ["Content-Length", "Transfer-Encoding", "Host", "Authorization",
                                  "Connection", "X-Request-Id", "X_Request_Id", "X_Forwarded-For", "Content_Type"])
def test_trailers_that_would_change_the_message_are_refused(proxied, name):
    gateway, upstream = proxied(echo)
    with gateway.client() as client:
        client.send(request("POST", chunks=[b"abc"], trailers=[(name, "1")]))
        assert_problem(client.response(), 400)
    assert all(not one.done.is_set() for one in upstream.requests)


@pytest.mark.parametrize("method, status, fields", [
    ("HEAD", 200, [("Content-Length", "5000")]),
    ("GET", 204, []),
    ("GET", 304, [("ETag", '"x"')]),
    ("GET", 304, [("Content-Length", "5000")]),
])
def test_responses_without_body_do_not_shift_what_follows(proxied, method, status, fields):
    head = "".join(f"{name}: {value}\r\n" for name, value in fields).encode()
    gateway, upstream = proxied(in_turn(raw(b"HTTP/1.1 %d X\r\n%s\r\n" % (status, head)),
                                        answer(body=b"second")))
    with gateway.client() as client:
        first = client.ask(method)
        assert (first.status, first.body) == (status, b"")
        assert [(name, first.get(name)) for name, _ in fields] == fields
        assert client.ask().body == b"second"
    assert len(upstream.connections) == 1


def test_a_204_with_a_length_never_desynchronises(proxied):
    """llhttp would read a body here."""
    gateway, _ = proxied(in_turn(raw(b"HTTP/1.1 204 X\r\nContent-Length: 5\r\n\r\n"),
                                 answer(body=b"second")))
    with gateway.client() as client:
        first = client.ask()
        assert first.status == 204
        assert client.ask().body == b"second"


def test_head_of_a_chunked_response(proxied):
    gateway, _ = proxied(in_turn(raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
                                 answer(body=b"2nd")))
    with gateway.client() as client:
        assert client.ask("HEAD").status == 200
        assert client.ask().body == b"2nd"


@pytest.mark.threads
def test_ten_megabytes_both_ways_at_once(proxied):
    @early
    def mirror(connection, received):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (10 * MEGABYTE))
        left = 10 * MEGABYTE
        while left:
            data = bytes(connection.reader.buffer) or connection.socket.recv(65536)
            connection.reader.buffer.clear()
            connection.send(data)
            left -= len(data)
        connection.body_read = True

    gateway, _ = proxied(mirror)
    data = pattern(10 * MEGABYTE)
    with gateway.client() as client:
        head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(data)
        sender = threading.Thread(target=client.socket.sendall, args=(head + data,), daemon=True)
        sender.start()
        body = client.response().body
        sender.join()
    assert hashlib.sha256(body).digest() == hashlib.sha256(data).digest()


def test_an_early_response_is_delivered_though_the_body_is_not_taken(proxied):
    @early
    def refuse(connection, received):
        connection.send(response(403, b"no thanks", [("Connection", "close")]))
        connection.close()

    gateway, _ = proxied(refuse, listen='limits = { body = "1GiB" }')
    with gateway.client() as client:
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50000000\r\n\r\n")
        sender = threading.Thread(target=_send_quietly, args=(client, bytes(MEGABYTE), 50),
                                  daemon=True)
        sender.start()
        answered = client.response()
        assert (answered.status, answered.body) == (403, b"no thanks")


@pytest.mark.parametrize("by", ["gateway", "upstream"])
def test_who_reads_nothing_before_everything_is_sent_reads_the_early_answer(proxied, by):
    """Python's http.client, Perl's HTTP::Tiny, wget, proxies that hold requests first."""
    @early
    def refuse(connection, received):
        if by == "upstream":
            connection.send(response(403, b"no thanks"))
        while connection.socket.recv(MEGABYTE):
            pass

    gateway, _ = proxied(refuse, listen=f'limits = {{ body = "{"1GiB" if by == "upstream" else "1MiB"}" }}')
    for fields in ({}, {"Transfer-Encoding": "chunked"}):
        client = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=DEADLINE_SECONDS)
        body = iter([bytes(MEGABYTE)] * 12) if fields else bytes(12 * MEGABYTE)
        client.request("POST", "/", body, fields, encode_chunked=bool(fields))
        assert client.getresponse().status == (403 if by == "upstream" else 413)
        client.close()


BROKEN = {"length": (b"HTTP/1.1", b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n", b""),
          "chunked": (b"HTTP/1.1", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1e8480\r\n", b"\r\n"),
          "until the close": (b"HTTP/1.0", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1e8480\r\n", b"\r\n")}


@pytest.mark.parametrize("form", BROKEN)
def test_what_came_of_a_response_that_breaks_off_arrives(proxied, form):
    """A client that reads slowly gets it too; and none takes it for whole."""
    version, head, behind = BROKEN[form]
    gateway, _ = proxied(raw(head + bytes(2_000_000) + behind, then="close"))
    with gateway.client(receive_buffer=32 * 1024) as client:
        client.send(b"GET / " + version + b"\r\nHost: a\r\n\r\n")
        received, why = b"", None
        try:
            while piece := client.socket.recv(65536):
                received += piece
                time.sleep(0.001)
        except ConnectionError as failed:
            why = failed
    if form == "until the close":
        assert why is not None            # nothing else could say that it is not whole
    else:
        assert why is None and received.count(b"\0") == 2_000_000 and not received.endswith(b"0\r\n\r\n")
    assert gateway.access_log(1)[0]["aborted"] == "upstream"
    gateway.wait_for_metric(1, "sluice_problems_total", code="upstream_closed")


@pytest.mark.parametrize("fields", [[("Connection", "close")], []])
def test_who_is_answered_before_the_end_of_the_body_is_told_that_the_connection_ends(proxied, fields):
    """Go's client sends its next request on a connection that nothing was said about."""
    @early
    def refuse(connection, received):
        connection.send(response(403, b"no thanks", fields))
        connection.close()

    gateway, _ = proxied(refuse)
    with gateway.client() as client:
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")
        answered = client.response()
        assert (answered.status, answered.body, answered.get("Connection")) == (403, b"no thanks", "close")
        client.send(bytes(100_000))
        assert client.read_to_end() == b""


def _send_quietly(client, data, times):
    try:
        for _ in range(times):
            client.socket.sendall(data)
    except OSError:
        pass   # the connection was closed for good: that is how it should end


def test_body_bytes_pass_before_the_body_is_whole(proxied):
    @early
    def first_then_rest(connection, received):
        assert connection.reader.take(5) == b"first"
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ngot\r\n")
        assert connection.reader.take(4) == b"rest"
        connection.send(b"0\r\n\r\n")
        connection.body_read = True

    gateway, _ = proxied(first_then_rest)
    with gateway.client() as client:
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nfirst")
        head = client.reader.head()
        assert head.status == 200
        assert client.reader.until(b"got")
        client.send(b"rest")
        assert client.reader.until(b"0\r\n\r\n")

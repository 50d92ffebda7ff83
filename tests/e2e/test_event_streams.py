"""Responses without an end: each piece passes at once, and only silence has a deadline, whatever either side speaks."""
import contextlib
import queue
import signal
import threading
import time

import pytest
from support.client import Client, request
from support.gateway import settings
from support.h2_client import H2Client
from support.h2_upstream import H2Upstream
from support.message import Closed
from support.timing import DEADLINE_SECONDS, SLOW, wait_until
from support.upstream import answer

EVENT = b"data: %d\n\n"


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


class Stream:
    """An upstream whose one stream a test feeds piece by piece."""

    def __init__(self, framing=b"Transfer-Encoding: chunked\r\n"):
        self.chunked = b"chunked" in framing
        self.head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n" + framing + b"\r\n"
        self.begun, self.over = threading.Event(), threading.Event()
        self.connection = None

    def __call__(self, connection, _):
        self.connection = connection
        connection.send(self.head)
        self.begun.set()
        connection.stall(self.over)
        connection.close()

    def say(self, data):
        self.connection.send(chunk(data) if self.chunked else data)


@pytest.fixture(params=[b"Transfer-Encoding: chunked\r\n", b""], ids=["chunked", "to the end"])
def stream(request):
    one = Stream(request.param)
    yield one
    one.over.set()


def next_event(client):
    """The next event, without its framing."""
    data = client.reader.until(b"\n\n")
    return data[data.index(b"data:"):]


def begin(one, stream, **options):
    client = one.client(**options)
    client.send(b"GET /events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n")
    head = client.reader.head()
    assert head.status == 200 and head.get("Content-Type") == "text/event-stream"
    assert stream.begun.wait(DEADLINE_SECONDS)
    return client


def test_each_event_passes_at_once_and_no_response_timeout_ends_them(gateway, upstream, stream):
    one = gateway(settings(upstream(stream), upstream='timeout = { response = "200ms" }'))
    with begin(one, stream) as client:
        for number in range(6):
            stream.say(EVENT % number)
            assert next_event(client) == EVENT % number   # before the next one is sent
            time.sleep(0.1)
        client.socket.close()

        def gone():   # a FIN alone is no abort: who closes is noticed when he gets more, and then once more
            with contextlib.suppress(OSError):
                stream.say(EVENT % 7)
            return one.metric("sluice_upstream_requests_in_flight", upstream="main") == 0
        wait_until(gone, "the client's end is noticed")


def test_only_silence_ends_a_stream(gateway, upstream):
    stream = Stream()
    one = gateway(settings(upstream(stream), route='timeout = { body = "500ms" }'))
    with begin(one, stream) as client:
        for number in range(4):
            time.sleep(0.25)
            stream.say(EVENT % number)
            assert next_event(client) == EVENT % number
        with pytest.raises(Closed) as end:
            client.reader.until(b"never")
        assert end.value.got == b"\r\n"     # without a last chunk
    assert one.access_log(1)[0]["aborted"] == "upstream"


def test_a_long_poll_is_answered_when_there_is_something_to_say(gateway, upstream):
    said = threading.Event()

    def waits(connection, asked):
        connection.stall(said)
        answer(body=b"news")(connection, asked)

    def waits_over_h2(connection, asked):
        threading.Thread(target=lambda: said.wait(DEADLINE_SECONDS) and connection.answer(asked, b"news"), daemon=True).start()
    with H2Upstream(waits_over_h2) as over_h2:
        patience = 'timeout = { response = "20s" }'
        one = gateway(settings(upstream(waits), listen='protocols = ["h1", "h2c"]', upstream='timeout = { response = "100ms" }',
                               route=patience, more=f"""
[upstream.h2c]
servers = ["{over_h2.address}"]
protocol = "h2c"
timeout = {{ response = "100ms" }}
[route.h2c]
match = {{ path = "/h2c" }}
upstream = "h2c"
{patience}
"""))
        paths = ["/h1", "/h2c"]
        with H2Client(one.port) as client, Client(one.port) as first, Client(one.port) as second:
            streams = [client.begin(path=path) for path in paths]
            for plain, path in zip((first, second), paths):
                plain.send(request(target=path))
            threading.Timer(0.5, said.set).start()
            assert [plain.response().body for plain in (first, second)] == [b"news"] * 2
            assert [client.finish(stream).body for stream in streams] == [b"news"] * 2


# ---- Any version on either side

MIX = """
[listen.secure]
address = "127.0.0.1:@tls@"
tls = "site"
[tls.site]
certificates = [{{ cert = "{cert}", key = "{key}" }}]
[upstream.h1]
servers = ["{h1}"]
timeout = {{ response = "{response}ms" }}
[upstream.h2c]
servers = ["{h2c}"]
protocol = "h2c"
timeout = {{ response = "{response}ms" }}
[route.h1]
match = {{ path = "/h1" }}
upstream = "h1"
[route.h2c]
match = {{ path = "/h2c" }}
upstream = "h2c"
[route.h1_brief]
match = {{ path = "/h1/brief" }}
upstream = "h1"
timeout = {{ body = "{silence}ms" }}
[route.h2c_brief]
match = {{ path = "/h2c/brief" }}
upstream = "h2c"
timeout = {{ body = "{silence}ms" }}
"""


class H2Source:
    """A stream of an upstream that speaks HTTP/2, as `Stream` is one of HTTP/1.1."""

    def __init__(self, connection, request):
        self.connection, self.request = connection, request
        with connection.lock:
            connection.h2.send_headers(request.stream, [(":status", "200"), ("content-type", "text/event-stream")])
            connection.flush()

    def say(self, data, end=False):
        with self.connection.lock:
            self.connection.h2.send_data(self.request.stream, data, end_stream=end)
            self.connection.flush()

    def end(self):
        self.say(b"", end=True)

    def is_cancelled(self):
        return (self.request.stream, 8) in self.connection.resets


class H1Source(Stream):
    def __call__(self, connection, request):
        self.gone = threading.Event()
        self.connection = connection
        connection.send(self.head)
        self.begun.set()
        connection.wait_for_end()
        self.gone.set()

    def end(self):
        self.connection.send(b"0\r\n\r\n")

    def is_cancelled(self):
        return self.gone.is_set()


class Sources:
    """Both upstreams of a gateway; the streams that begin at them."""

    def __init__(self, upstream):
        self.begun = queue.Queue()

        def over_h1(connection, request):
            source = H1Source()
            self.begun.put(source)
            source(connection, request)
        self.h1 = upstream(over_h1).address
        self.behind = H2Upstream(lambda connection, request: self.begun.put(H2Source(connection, request)), early=True)
        self.h2c = self.behind.address

    def settings(self, authority, **more):
        cert, key = authority.leaf("localhost")
        return settings(listen='protocols = ["h1", "h2c"]', **more, more=MIX.format(
            cert=cert, key=key, h1=self.h1, h2c=self.h2c, response=150 * SLOW, silence=200 * SLOW))

    def begin(self, gateway, authority, version, path):
        """gives: the reader of a new stream, and its source"""
        reader = READERS[version](gateway, authority, path)
        source = self.begun.get(timeout=DEADLINE_SECONDS)
        reader.wait_for_head()
        return reader, source


class H1Reader:
    def __init__(self, gateway, authority, path):
        self.client = Client(gateway.port)
        self.client.send(b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % path.encode())

    def wait_for_head(self):
        assert self.client.reader.head().status == 200

    def next(self):
        return next_event(self.client)

    def breaks_off(self):
        with pytest.raises(Closed) as end:
            self.client.reader.until(b"never")
        return b"0\r\n\r\n" not in end.value.got

    def is_lost(self):
        self.breaks_off()
        return True

    def ends(self):
        return self.client.reader.until(b"0\r\n\r\n").lstrip(b"\r\n") == b"0\r\n\r\n"

    def go_away(self):
        self.client.reset()

    def is_told_to_leave(self):
        return True          # HTTP/1.1 has said so in a head, or cannot


class H2Reader:
    def __init__(self, gateway, authority, path, tls=None):
        self.client = H2Client(gateway.tls if tls else gateway.port, tls=tls)
        self.stream = self.client.begin("GET", path)
        self.reply, self.read = self.client.replies[self.stream], 0

    def wait_for_head(self):
        self.client.wait(lambda: self.reply.headers, "a head")
        assert self.reply.status == 200

    def next(self):
        self.client.wait(lambda: b"\n\n" in self.reply.body[self.read:], "an event")
        end = self.reply.body.index(b"\n\n", self.read) + 2
        data, self.read = bytes(self.reply.body[self.read:end]), end
        return data

    def breaks_off(self):
        return self.client.finish(self.stream).reset == 2

    def is_lost(self):
        while not self.client.closed and self.reply.reset is None:
            self.client.receive()
        return not self.reply.whole

    def ends(self):
        return self.client.finish(self.stream).whole and len(self.reply.body) == self.read

    def go_away(self):
        self.client.h2.reset_stream(self.stream, 8)
        self.client.flush()

    def is_told_to_leave(self):
        return self.client.wait_for_goaway() == 0


READERS = {"h1": H1Reader, "h2c": H2Reader,
           "h2": lambda gateway, authority, path: H2Reader(gateway, authority, path, authority.client_context(alpn=["h2"]))}
MIXES = [(version, behind) for version in READERS for behind in ("h1", "h2c")]


@pytest.fixture(scope="module")
def sources(shared_upstream):
    one = Sources(shared_upstream)
    with one.behind:
        yield one


@pytest.fixture(scope="module")
def site(shared_gateway, authority, sources):
    return shared_gateway(sources.settings(authority))


@pytest.mark.threads
@pytest.mark.parametrize("version, behind", MIXES)
def test_in_every_mix_events_pass_at_once_and_only_silence_ends_them(site, authority, sources, version, behind):
    reader, source = sources.begin(site, authority, version, f"/{behind}/brief")
    for number in range(4):
        source.say(EVENT % number)
        assert reader.next() == EVENT % number
        time.sleep(0.1)                      # together longer than timeout.response
    assert reader.breaks_off()
    wait_until(source.is_cancelled, "the upstream is told")


@pytest.mark.threads
@pytest.mark.parametrize("version, behind", MIXES)
def test_in_every_mix_who_goes_away_is_noticed(site, authority, sources, version, behind):
    reader, source = sources.begin(site, authority, version, f"/{behind}")
    source.say(EVENT % 1)
    assert reader.next() == EVENT % 1
    reader.go_away()
    wait_until(source.is_cancelled, "the upstream is told")
    site.wait_for_metric(0, "sluice_upstream_requests_in_flight", upstream=behind)


@pytest.mark.threads
def test_a_reload_leaves_streams_alone_and_a_drain_waits_for_their_end(gateway, authority, sources):
    text = sources.settings(authority, server=f'drain_timeout = "{2 * SLOW}s"')
    one = gateway(text)
    streams = [sources.begin(one, authority, version, f"/{behind}") for version, behind in MIXES]
    one.reload(text.replace("[listen.secure]", "[route.new]\nmatch = { path = \"/new\" }\nrespond = { status = 418 }\n[listen.secure]"))

    def all_hear(number):
        for reader, source in streams:
            source.say(EVENT % number)
            assert reader.next() == EVENT % number
    all_hear(1)
    one.signal(signal.SIGTERM)
    all_hear(2)
    for reader, _ in streams:
        assert reader.is_told_to_leave()
    time.sleep(1.2)                          # past the moment in which streams on their way are still taken
    all_hear(3)
    for reader, source in streams:
        source.end()
        assert reader.ends()
    assert one.wait() == 0


@pytest.mark.threads
def test_the_end_of_the_drain_is_the_end_of_streams(gateway, authority, sources):
    one = gateway(sources.settings(authority, server='drain_timeout = "300ms"'))
    streams = [sources.begin(one, authority, version, f"/{behind}") for version, behind in MIXES]
    one.signal(signal.SIGTERM)
    for reader, _ in streams:
        assert reader.is_lost()
    assert one.wait() == 0
    assert [line["aborted"] for line in one.access_log(len(streams))] == ["gateway"] * len(streams)

"""Responses without an end: each piece passes at once, and only silence has a deadline."""
import signal
import threading
import time

import pytest
from support.gateway import settings
from support.message import Closed
from support.timing import DEADLINE_SECONDS
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
        stream.say(EVENT % 7)   # a FIN alone is no abort: who closes is noticed when it gets more
        time.sleep(0.1)
        stream.say(EVENT % 8)
        one.wait_for_metric(0, "sluice_upstream_requests_in_flight", upstream="main")


def test_only_silence_ends_a_stream(gateway, upstream, stream):
    one = gateway(settings(upstream(stream), route='timeout = { body = "500ms" }'))
    with begin(one, stream) as client:
        for number in range(4):
            time.sleep(0.25)
            stream.say(EVENT % number)
            assert next_event(client) == EVENT % number
        with pytest.raises(Closed) as end:
            client.reader.until(b"never")
        assert end.value.reset
    assert one.access_log(1)[0]["aborted"] == "upstream"


def test_a_long_poll_is_answered_when_there_is_something_to_say(gateway, upstream):
    said = threading.Event()

    def waits(connection, asked):
        connection.stall(said)
        answer(body=b"news")(connection, asked)
    one = gateway(settings(upstream(waits), upstream='timeout = { response = "100ms" }',
                           route='timeout = { response = "20s" }'))
    threading.Timer(0.5, said.set).start()
    assert one.ask().body == b"news"


@pytest.mark.threads
def test_a_reload_leaves_streams_alone_and_a_drain_waits_for_them(gateway, upstream):
    stream = Stream()
    behind = upstream(stream)
    one = gateway(settings(behind, server='drain_timeout = "1s"'))
    with begin(one, stream) as client:
        one.reload(settings(behind, route='timeout = { body = "9s" }', server='drain_timeout = "1s"'))
        stream.say(EVENT % 1)
        assert next_event(client) == EVENT % 1
        one.signal(signal.SIGTERM)
        time.sleep(0.2)
        stream.say(EVENT % 2)
        assert next_event(client) == EVENT % 2
        with pytest.raises(Closed):
            client.reader.until(b"never")
    assert one.wait() == 0

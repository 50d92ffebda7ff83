"""An HTTP/2 client over python3-h2 that checks what it gets and lets tests misbehave."""
import socket
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.settings
import hyperframe.frame

from support.timing import DEADLINE_SECONDS


@dataclass
class Reply:
    headers: list = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)
    trailers: list = field(default_factory=list)
    informational: list = field(default_factory=list)
    whole: bool = False
    reset: int = None              # the code of RST_STREAM

    def get(self, name):
        values = [value for key, value in self.headers if key == name]
        assert len(values) < 2, f"{name}: {values}"
        return values[0] if values else None

    @property
    def status(self):
        return int(self.get(":status"))


class H2Client:
    def __init__(self, port, tls=None, host="127.0.0.1", windows=True, receive_buffer=None, by_hand=False):
        """`windows`: what is received is given back at once. `by_hand`: of what comes only GOAWAY is looked for."""
        self.by_hand, self.left = by_hand, b""
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(DEADLINE_SECONDS)
        self.socket.connect((host, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self.scheme = "https" if tls else "http"
        self.windows = windows
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.replies = {}
        self.goaway = None             # the code of the last one
        self.closed = False
        # The library hears nothing more after a GOAWAY; a server that leaves still answers.
        self.h2._frame_dispatch_table[hyperframe.frame.GoAwayFrame] = self._goaway
        self.h2.initiate_connection()
        self.flush()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def flush(self):
        data = self.h2.data_to_send()
        if data:
            self.raw(data)

    def raw(self, data):
        """Bytes past the library."""
        try:
            self.socket.sendall(data)
        except OSError:
            self.closed = True

    def begin(self, method="GET", path="/", fields=(), end=True, authority="localhost", pseudo=True):
        stream = self.h2.get_next_available_stream_id()
        head = [(":method", method), (":scheme", self.scheme), (":authority", authority),
                (":path", path)] if pseudo else []
        self.replies[stream] = Reply()
        self.h2.send_headers(stream, head + list(fields), end_stream=end)
        self.flush()
        return stream

    def send_body(self, stream, body, end=True):
        while body:
            room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size, len(body))
            if room == 0:
                self.receive()
                if self.closed or self.replies[stream].whole or self.replies[stream].reset is not None:
                    return
                continue
            self.h2.send_data(stream, body[:room])
            body = body[room:]
            self.flush()
        if end:
            self.h2.end_stream(stream)
            self.flush()

    def send_trailers(self, stream, fields):
        self.h2.send_headers(stream, fields, end_stream=True)
        self.flush()

    def receive(self):
        """One read. gives: whether something came"""
        try:
            data = self.socket.recv(65536)
        except ConnectionError:
            data = b""
        if not data:
            self.closed = True
            return False
        if self.by_hand:
            self._look_for_goaway(data)
            return True
        for event in self.h2.receive_data(data):
            self._take(event)
        if self.h2.state_machine.state != h2.connection.ConnectionState.CLOSED:
            self.flush()
        return True

    def _look_for_goaway(self, data):
        self.left += data
        while len(self.left) >= 9:
            size = int.from_bytes(self.left[:3], "big")
            if len(self.left) < 9 + size:
                return
            if self.left[3] == 7:
                self.goaway = int.from_bytes(self.left[13:17], "big")
            self.left = self.left[9 + size:]

    def _goaway(self, frame):
        self.goaway = int(frame.error_code)
        return [], []

    def _take(self, event):
        reply = self.replies.get(getattr(event, "stream_id", None))
        if reply is None:
            pass
        elif isinstance(event, h2.events.ResponseReceived):
            reply.headers = event.headers
        elif isinstance(event, h2.events.InformationalResponseReceived):
            reply.informational.append(event.headers)
        elif isinstance(event, h2.events.TrailersReceived):
            reply.trailers = event.headers
        elif isinstance(event, h2.events.DataReceived):
            reply.body += event.data
            if self.windows and event.flow_controlled_length:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            reply.whole = True
        elif isinstance(event, h2.events.StreamReset):
            reply.reset = int(event.error_code)

    def wait(self, until, what):
        while not until():
            assert not self.closed, f"closed before: {what} (GOAWAY {self.goaway})"
            self.receive()

    def finish(self, stream):
        reply = self.replies[stream]
        self.wait(lambda: reply.whole or reply.reset is not None, f"the end of stream {stream}")
        return reply

    def ask(self, method="GET", path="/", fields=(), body=b"", trailers=(), **more):
        stream = self.begin(method, path, fields, end=not body and not trailers, **more)
        if body or trailers:
            self.send_body(stream, body, end=not trailers)
        if trailers:
            self.send_trailers(stream, trailers)
        return self.finish(stream)

    def wait_for_goaway(self):
        while not self.closed and self.goaway is None:
            self.receive()
        return self.goaway

"""WebSockets that are streams of HTTP/2 (RFC 8441), over python3-h2: a client's and an upstream's side."""
import threading
import time

from support.h2_client import H2Client
from support.h2_upstream import H2Upstream
from support.message import Closed, Reader
from support.timing import DEADLINE_SECONDS
from support.websocket import Socket

CANCEL = 8


class Tunnel:
    """One stream of a client's connection, in the place of a `support.client.Client`."""

    def __init__(self, client, stream):
        self.client, self.stream = client, stream
        self.reply = client.replies[stream]
        self.reader = Reader(self._receive)

    def _receive(self):
        while not self.reply.body:
            if self.reply.whole:
                return b""
            if self.reply.reset is not None or not self.client.receive():
                raise ConnectionResetError
        data = bytes(self.reply.body)
        self.reply.body.clear()
        return data

    def send(self, data):
        self.client.send_body(self.stream, data, end=False)

    def half_close(self):
        self.client.send_body(self.stream, b"", end=True)
        return self

    def reset(self, code=CANCEL):
        self.client.h2.reset_stream(self.stream, code)
        self.client.flush()

    def read_to_end(self):
        data = bytearray(self.reader.buffer)
        self.reader.buffer.clear()
        try:
            while piece := self._receive():
                data += piece
        except ConnectionError:
            raise Closed(data, reset=True) from None
        return bytes(data)


def extended_connect(path, scheme="http", protocol="websocket", authority="localhost"):
    return [(":method", "CONNECT"), (":protocol", protocol), (":scheme", scheme), (":authority", authority), (":path", path)]


def ask_for_socket(client, path, fields=(), version="13", end=False, **pseudo):
    """gives: the stream"""
    head = extended_connect(path, client.scheme, **pseudo)
    return client.begin(fields=[*head, ("sec-websocket-version", version), *fields], pseudo=False, end=end)


class H2WebSocket(Socket):
    """A client's, open when the constructor returns; on a connection of its own unless one is given."""

    def __init__(self, port, target="/", fields=(), behind=b"", client=None, **options):
        self.client = client or H2Client(port, **options)
        stream = ask_for_socket(self.client, target, [(name.lower(), value) for name, value in fields])
        super().__init__(Tunnel(self.client, stream), masks=True)
        if behind:
            self.connection.send(behind)
        self.opening = self.connection.reply
        self.client.wait(lambda: self.opening.headers, "the answer")
        assert self.opening.status == 200, (self.opening.headers, self.opening.body)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.socket.close()


class UpstreamTunnel:
    """The other end, in the place of a `support.upstream.Connection`. To be used on a thread of its own."""

    def __init__(self, connection, request):
        self.connection, self.request = connection, request
        self.reader = Reader(self._receive)
        self.ended = None

    def _receive(self):
        got = self.request.arrived.get(timeout=6 * DEADLINE_SECONDS)
        if isinstance(got, int):
            self.code = got
            raise ConnectionResetError
        return got or b""

    @property
    def open(self):
        return self.connection.open

    def send(self, data):
        library, stream = self.connection.h2, self.request.stream
        while data and self.connection.open:
            with self.connection.lock:
                room = min(library.local_flow_control_window(stream), library.max_outbound_frame_size, len(data))
                if room > 0:
                    library.send_data(stream, data[:room])
                    self.connection.flush()
                    data = data[room:]
            if room == 0:
                time.sleep(0.001)

    def close(self):
        with self.connection.lock:
            self.connection.h2.end_stream(self.request.stream)
            self.connection.flush()

    def reset(self, code=CANCEL):
        self.connection.reset(self.request, code)


class H2Sockets(H2Upstream):
    """Answers every extended CONNECT with `status` and, when it is a 2xx, runs serve(socket) on a thread."""

    def __init__(self, serve, behind=b"", status=200, fields=(), tunnels=True, **options):
        super().__init__(self._open, early=True, tunnels=tunnels, **options)
        self.serve_one, self.behind, self.status, self.fields = serve, behind, status, list(fields)
        self.tunnels = []

    def _open(self, connection, request):
        if request.get(":method") != "CONNECT":
            return connection.answer(request)
        if self.status >= 300:
            return connection.answer(request, b"no socket", self.status, self.fields)
        with connection.lock:
            connection.h2.send_headers(request.stream, [(":status", str(self.status)), *self.fields])
            if self.behind:
                connection.h2.send_data(request.stream, self.behind)
        tunnel = UpstreamTunnel(connection, request)
        self.tunnels.append(tunnel)
        threading.Thread(target=self._run, args=[tunnel], daemon=True).start()

    def _run(self, tunnel):
        try:
            self.serve_one(Socket(tunnel, masks=False))
            tunnel.close()
        except Closed as end:
            tunnel.ended = "reset" if end.reset else "closed"
            if not end.reset:
                tunnel.close()
        except Exception as error:   # python3-h2 says so when the stream has gone meanwhile
            tunnel.ended = tunnel.ended or repr(error)
